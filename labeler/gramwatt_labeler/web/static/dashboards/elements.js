// Small help with the document: making elements, and bringing what stands there up to date in place.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element[`on${name}`] = value;
    else if (name === 'style') Object.entries(value).forEach(([property, text]) => element.style.setProperty(property, text));
    else element.setAttribute(name, value === true ? '' : value);
    if (typeof value === 'function') (element.listens ??= []).push(name);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element with attributes (functions become listeners) and children (text is text, never markup). */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for a picture's elements. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** "{{component}} x" with the labels of a series; all labels where there is no format. */
export function legend(format, labels) {
  if (format && format !== '__auto') return format.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_, name) => labels[name] ?? '').replace(/\(\)/g, '').trim();
  const { __name__: name = '', ...rest } = labels;
  const inside = Object.entries(rest).map(([key, value]) => `${key}="${value}"`).join(', ');
  return inside ? `${name}{${inside}}` : name || 'value';
}

const keeps = (one) => one.dataset?.keep !== undefined; // its owner looks after it

function same(old, fresh) {
  return !keeps(old) && old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && old.dataset?.key === fresh.dataset?.key;
}

function bring(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  // Whether a menu is open, and what is being typed, is the person's and not the refresh's.
  const theirs = (name) => name === 'open' || name === 'style' || (name === 'value' && old === document.activeElement);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !theirs(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !theirs(name)) old.setAttribute(name, value);
  // Through the object: the page's policy forbids style attributes.
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
  if (old.nodeName === 'INPUT' && ['checkbox', 'radio'].includes(old.type)) old.checked = fresh.hasAttribute('checked');
  else if (old.nodeName === 'INPUT' && old !== document.activeElement) old.value = fresh.value;
  for (const name of new Set([...(old.listens ?? []), ...(fresh.listens ?? [])])) old[`on${name}`] = fresh[`on${name}`];
  old.listens = fresh.listens;
  children(old, [...fresh.childNodes]);
}

function children(parent, fresh) {
  const keyed = new Map();
  for (const one of parent.children) if (one.dataset.key !== undefined) keyed.set(one.dataset.key, one);
  let at = parent.firstChild;
  for (const one of fresh) {
    if (keeps(one)) {
      if (one === at) at = at.nextSibling;
      else parent.insertBefore(one, at);
      continue;
    }
    const key = one.dataset?.key;
    let old = key === undefined ? at : keyed.get(key);
    if (key === undefined && old?.dataset?.key !== undefined) old = null;
    if (!old || !same(old, one)) {
      parent.insertBefore(one, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    keyed.delete(key);
    bring(old, one);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/**
 * Make the children of `parent` equal to `fresh`, keeping every node that can stay: scroll positions, the focus and
 * selected text survive. Elements with the same data-key are the same thing, wherever they stand.
 */
export function patch(parent, ...fresh) {
  const focused = document.activeElement;
  const marked = document.getSelection();
  const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = marked ?? {};
  children(parent, fresh.flat(3).filter((one) => one !== null && one !== undefined && one !== false)
    .map((one) => (typeof one === 'string' ? document.createTextNode(one) : one)));
  // A node that moves loses both.
  if (focused !== document.activeElement && focused?.isConnected && parent.contains(focused)) focused.focus({ preventScroll: true });
  if (!isCollapsed && anchorNode !== marked.anchorNode && parent.contains(anchorNode) && parent.contains(focusNode)) marked.setBaseAndExtent(anchorNode, anchorOffset, focusNode, focusOffset);
}
