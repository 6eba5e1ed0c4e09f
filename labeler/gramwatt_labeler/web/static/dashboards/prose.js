// Markdown's paragraphs, headings, lists, links, code and bold; everything else stays text.

import { make } from './elements.js';
import { local } from './links.js';

export function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/).map((piece) => {
    if (/^`.+`$/.test(piece)) return make('code', {}, piece.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(piece)) return make('strong', {}, piece.slice(2, -2));
    const link = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(piece);
    const href = link && local(link[2]);
    return href ? make('a', { href, rel: 'noreferrer' }, link[1]) : link ? link[1] : piece;
  });
}

/** What is to be typed into a shell. */
export const COMMAND = /^(gramwatt|make|sudo|systemctl|docker|pip|curl|echo)[- ]\S.* \S|^make \w+$/;

/** Copies `text`; null where the browser does not let pages do that. */
export function copyButton(text) {
  if (!navigator.clipboard) return null;
  const done = (event) => navigator.clipboard.writeText(text).then(() => { event.target.textContent = 'Copied'; });
  return make('button', { type: 'button', class: 'copy', click: done, title: `Copy ${text}` }, 'Copy');
}

/** Lines to be copied. */
function command(text) {
  return make('div', { class: 'command' }, make('pre', { tabindex: '0' }, make('code', {}, text)), copyButton(text));
}

/** "Do this: command" of a text without any mark: the command stands apart, and can be copied. */
export function marked(text) {
  if (text.includes('```')) return text;
  const found = /^(.*):\s+((?:gramwatt|make|echo|sudo|systemctl|pip|budgets:|intensity:|energy:)[^.]*(?:\.\S[^.]*)*)\.?$/s.exec(text);
  return found ? `${found[1]}:\n\n\`\`\`\n${found[2].trim()}\n\`\`\`` : text;
}

function block(text) {
  const heading = /^(#{1,4}) (.+)$/.exec(text);
  if (heading) return make('h4', {}, inline(heading[2]));
  const fence = /^```\w*\n([\s\S]*?)\n?```$/.exec(text);
  if (fence) return command(fence[1]);
  const lines = text.split('\n');
  if (lines.every((line) => /^[-*] /.test(line))) return make('ul', {}, lines.map((line) => make('li', {}, inline(line.slice(2)))));
  if (lines.every((line) => /^\d+\. /.test(line))) return make('ol', {}, lines.map((line) => make('li', {}, inline(line.replace(/^\d+\. /, '')))));
  return make('p', {}, inline(lines.join(' ')));
}

/** The blocks of a text; fenced code may hold empty lines. */
export function prose(text) {
  const pieces = text.trim().split(/(```\w*\n[\s\S]*?\n?```)/);
  return make('div', { class: 'prose' }, pieces.flatMap((piece) => (piece.startsWith('```') ? [block(piece)] : piece.trim().split(/\n{2,}/).filter((one) => one.trim()).map((one) => block(one.trim())))));
}
