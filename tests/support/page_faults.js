// What is wrong with the page that is open, seen by its boxes and not by its source; each check gives lines of text.
(() => {
  const seen = e => {
    const r = e.getBoundingClientRect();
    return r.width > 0 && r.height > 0 && e.checkVisibility({ visibilityProperty: true }) && !e.closest('.hidden, .skip');
  };
  const named = e => `${e.tagName.toLowerCase()}.${e.className} ${(e.textContent || e.name || '').trim().slice(0, 40)}`;
  const all = selector => [...document.querySelectorAll(selector)];
  const controls = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
  const panels = '[data-uid] main'; // a dashboard's, which have tests of their own

  // Wider than the window, cut, or scrolling sideways inside it.
  const layout = () => {
    const found = [], root = document.documentElement, over = root.scrollWidth - root.clientWidth;
    if (over > 0) {
      const beyond = all('body *').find(e => seen(e) && e.getBoundingClientRect().right > root.clientWidth + 1);
      found.push(`wider than its window by ${over}: ${beyond ? named(beyond) : ''}`);
    }
    for (const e of all('main *, .bar *')) {
      if (!seen(e) || e.closest(`svg, thead, ${panels}`) || e.matches('input, select, textarea, .who')) continue;
      if (getComputedStyle(e).display !== 'inline' && e.clientWidth && e.scrollWidth > e.clientWidth + 1)
        found.push(`does not fit, or scrolls sideways: ${named(e)} ${e.scrollWidth} > ${e.clientWidth}`);
    }
    return found;
  };

  // Less than 24 pixels high, or wide where it stands alone.
  const targets = () => all(controls).filter(e => seen(e) && !e.closest(panels)).flatMap(e => {
    const label = e.labels?.[0]?.contains(e) ? e.labels[0] : e, r = label.getBoundingClientRect();
    const is_small = r.height < 24 || (r.width < 24 && getComputedStyle(e).display !== 'inline');
    return is_small ? [`smaller than a finger: ${named(e)} ${Math.round(r.width)} x ${Math.round(r.height)}`] : [];
  });

  const headings = () => {
    let before = 0;
    return all('h1, h2, h3, h4, h5').filter(seen).flatMap(e => {
      const level = Number(e.tagName[1]), skipped = level > before + 1;
      before = level;
      return skipped ? [`a heading skips a level: ${named(e)}`] : [];
    });
  };
  const structure = () => {
    const found = headings(), ids = all('[id]:not(svg *)').map(e => e.id);
    const is_read = id => document.getElementById(id)?.matches('.mistake, .notice');
    const say = (selector, words, wrong = () => true) => {
      for (const e of all(selector)) if (wrong(e)) found.push(`${words}: ${named(e)}`);
    };
    if (all('h1').length !== 1) found.push('not one h1');
    if (!document.documentElement.lang) found.push('no language');
    say('tbody th:not([scope])', 'a head of a row without scope');
    say(`script:not([src]), style, [style]:not(svg *, ${panels} *)`, 'inline');
    say('[onclick], [onload], [onsubmit]', 'a script in an attribute');
    say('[aria-invalid]', 'its mistake is not read with it',
      e => !(e.getAttribute('aria-describedby') || '').split(' ').some(is_read));
    for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`twice: #${id}`);
    return found;
  };

  // Printed although it can only be pressed.
  const paper = () =>
    all('nav, form, button, .button, input, select, textarea').filter(seen).map(e => `on paper: ${named(e)}`);

  // Words of charts and in empty fields below 4.5 : 1, where axe-core does not look.
  const parts = text => (text.match(/[\d.]+/g) || []).map(Number);
  const light = colour => {
    const [r, g, b] = colour.map(v => v / 255).map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (let at = e; at; at = at.parentElement) {
      const c = parts(getComputedStyle(at).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const pale = (colour, e, words) => {
    const [less, more] = [light(parts(colour).slice(0, 3)), light(behind(e))].sort((a, b) => a - b);
    const ratio = (more + 0.05) / (less + 0.05);
    return ratio < 4.5 ? [`pale: ${words} ${colour}, ${ratio.toFixed(2)}`] : [];
  };
  const inks = ['rgb(17, 17, 17)', 'rgb(255, 255, 255)']; // on a letter's own colour, which they are chosen for
  const contrast = () => {
    const texts = all('figure.chart svg text').flatMap(e => {
      const own = getComputedStyle(e);
      const is_letter = own.stroke !== 'none' || inks.includes(own.fill);
      return is_letter || own.fill === 'none' ? [] : pale(own.fill, e.closest('figure'), 'in a chart');
    });
    const fields = all('input[placeholder], textarea[placeholder]');
    return [...new Set([...texts, ...fields.flatMap(e => pale(getComputedStyle(e, '::placeholder').color, e, 'in a field'))])];
  };

  // What Tab does not reach in the order of the page, or reaches unseen: watch, press Tab that often, and ask.
  let stops = [], order = [], unseen = [];
  const watch = () => {
    document.body.tabIndex = -1;
    document.body.focus(); // where a page begins, also when it has put the keyboard into a field
    document.body.removeAttribute('tabindex');
    [stops, order, unseen] = [all(controls).filter(e => !e.disabled && seen(e)), [], []];
    let is_over = false;
    document.addEventListener('focusin', event => {
      const at = stops.indexOf(event.target), own = getComputedStyle(event.target);
      is_over ||= at >= 0 && at < (order.at(-1) ?? 0);
      if (is_over || at < 0) return;
      order.push(at);
      if (own.outlineStyle === 'none' || parseFloat(own.outlineWidth) < 2)
        unseen.push(`its focus is not seen: ${named(event.target)}`);
    });
    return stops.length;
  };
  const walked = () => [
    ...new Set(unseen),
    ...stops.filter((_, at) => !order.includes(at)).map(e => `no Tab leads to it: ${e.outerHTML.slice(0, 120)}`),
  ];

  window.faults = { layout, targets, structure, paper, contrast, watch, walked };
})();
