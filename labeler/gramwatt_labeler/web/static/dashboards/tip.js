// The little card that names the values at one place of a chart, by pointer or by arrow keys.

import { make, patch } from './elements.js';

/** Makes `picture` a chart that can be walked through by keys; `describe(index)` returns [title, [[colour, name, text]...]]. */
export class Tip {
  #at = null;

  constructor(picture, { count, place, describe }) {
    Object.assign(this, { picture, count, place, describe });
    this.card = make('div', { class: 'tip', hidden: true, role: 'status', 'data-keep': '' });
    picture.addEventListener('keydown', (event) => this.#key(event));
    picture.addEventListener('blur', () => this.hide());
  }

  #key(event) {
    const last = this.count() - 1;
    const from = this.#at ?? (event.key === 'ArrowLeft' ? last + 1 : -1);
    const stride = event.shiftKey || event.ctrlKey ? 10 : 1;
    const to = { ArrowLeft: from - stride, ArrowRight: from + stride, Home: 0, End: last, PageUp: from - 10, PageDown: from + 10 }[event.key];
    if (event.key === 'Escape') this.hide();
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.show(Math.min(Math.max(to, 0), last));
  }

  /** Show what is at `index`; `x` and `y` are pixels in the panel's body. */
  show(index, [x, y] = this.place(index)) {
    this.#at = index;
    const [title, lines] = this.describe(index);
    patch(this.card, make('p', {}, title), lines.slice(0, 12).map(([colour, name, text]) => make('p', {},
      colour ? make('i', { class: 'dot', style: { background: colour } }) : null, name ? `${name} ` : '', make('b', {}, text))));
    const room = this.card.parentElement?.clientWidth ?? 0;
    const left = x <= room / 2;
    Object.assign(this.card.style, { left: left ? `${x + 14}px` : 'auto', right: left ? 'auto' : `${room - x + 14}px`, top: `${Math.max(0, y - 10)}px` });
    this.card.hidden = false;
  }

  hide() {
    this.card.hidden = true;
    this.#at = null;
  }
}
