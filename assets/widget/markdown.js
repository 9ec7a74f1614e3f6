// This module owns how an answer's text becomes nodes: a small, closed subset of Markdown, never parsed as HTML.
// Model text and crawled titles are hostile input: text only ever becomes text nodes, and an address only becomes
// a link when it is http(s) and one of the answer's own citations.

const FENCE = /^\s*```/;
const HEADING = /^\s*#{1,6}\s+/;
const ITEM = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^\s*\|(?:\s*:?-+:?\s*\|)+\s*$/;
const INLINE = new RegExp(
  [
    '`([^`\\n]+)`', // 1 code
    '!\\[([^\\]\\n]*)\\]\\([^)\\n]*\\)', // 2 an image shows its words
    '\\[([^\\]\\n]+)\\]\\(([^)\\s]*)[^)\\n]*\\)', // 3, 4 link
    ' ?\\[(\\d{1,2}(?:\\s*,\\s*\\d{1,2})*)\\]', // 5 citations
    '\\*\\*([^*\\n]+)\\*\\*', // 6 bold
    '\\*([^*\\s][^*\\n]*)\\*', // 7 italics
    '(?<!\\w)_([^_\\s][^_\\n]*)_(?!\\w)', // 8 italics
    '(https?://[^\\s<>()\\[\\]]*[^\\s<>()\\[\\].,;:!?])', // 9 bare address
  ].join('|'),
  'g',
);

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** The address in its normal form when it may be opened, else null. */
export function safeUrl(address) {
  try {
    const url = new URL(address);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

export const outward = (href, properties, ...children) =>
  element('a', { href, target: '_blank', rel: 'noopener', ...properties }, ...children);

/**
 * A fragment of the answer. `chip(n)` gives the node of citation n or null when there is none (the text then stays
 * as it is); `isCited(href)` says whether an address may be a link. `streaming` closes what is still half written.
 */
export function renderMarkdown(text, { chip, isCited, streaming = false }) {
  const inline = (source) => {
    const nodes = [];
    let from = 0;
    for (const match of source.matchAll(INLINE)) {
      const [whole, code, image, label, target, numbers, bold, italic, italic2, bare] = match;
      let made;
      if (code) made = [element('code', {}, code)];
      else if (image !== undefined) made = [image];
      else if (label) made = link(target, inline(label));
      else if (numbers) made = chips(numbers) ?? [whole];
      else if (bold) made = [element('strong', {}, ...inline(bold))];
      else if (italic ?? italic2) made = [element('em', {}, ...inline(italic ?? italic2))];
      else made = link(bare, [bare]);
      nodes.push(source.slice(from, match.index), ...made);
      from = match.index + whole.length;
    }
    nodes.push(source.slice(from));
    return nodes.filter((node) => node !== '');
  };
  const link = (target, children) => {
    const href = safeUrl(target);
    return href && isCited(href) ? [outward(href, {}, ...children)] : children;
  };
  const chips = (numbers) => {
    const nodes = numbers.split(',').map((n) => chip(Number(n)));
    return nodes.every(Boolean) ? nodes : null;
  };
  const withBreaks = (lines) =>
    lines.flatMap((line, i) => (i ? [element('br'), ...inline(line)] : inline(line)));

  const lines = (streaming ? closeOpenEnds(text) : text).replace(/\r\n?/g, '\n').split('\n');
  const fragment = document.createDocumentFragment();
  let i = 0;
  const take = (test) => {
    const start = i;
    while (i < lines.length && test(lines[i], i)) i += 1;
    return lines.slice(start, i);
  };
  const startsBlock = (line, at) =>
    FENCE.test(line) || HEADING.test(line) || ITEM.test(line) || (ROW.test(line) && RULE.test(lines[at + 1] ?? ''));

  while (i < lines.length) {
    const line = lines[i];
    if (!line.trim()) {
      i += 1;
    } else if (FENCE.test(line)) {
      i += 1;
      const code = take((each) => !FENCE.test(each));
      i += 1;
      fragment.append(element('pre', {}, element('code', {}, code.join('\n'))));
    } else if (HEADING.test(line)) {
      i += 1;
      fragment.append(element('p', {}, element('strong', {}, ...inline(line.replace(HEADING, '')))));
    } else if (ITEM.test(line)) {
      fragment.append(list(take((each) => ITEM.test(each) || /^\s{2,}\S/.test(each))));
    } else if (startsBlock(line, i)) {
      fragment.append(table(take((each) => ROW.test(each))));
    } else {
      const first = i;
      const paragraph = take((each, at) => each.trim() && (at === first || !startsBlock(each, at)));
      fragment.append(element('p', {}, ...withBreaks(paragraph.map((each) => each.replace(/^\s*>\s?/, '')))));
    }
  }
  return fragment;

  function list(rows) {
    const first = ITEM.exec(rows[0])[1];
    const node = element(first ? 'ol' : 'ul', first ? { start: Number(first) } : {});
    for (const row of rows) {
      if (ITEM.test(row)) node.append(element('li', {}, ...inline(row.replace(ITEM, ''))));
      else node.lastChild.append(element('br'), ...inline(row.trim()));
    }
    return node;
  }

  function table(rows) {
    const cells = (row) => row.trim().slice(1, -1).split('|').map((cell) => inline(cell.trim()));
    const row = (tag, source) => element('tr', {}, ...cells(source).map((cell) => element(tag, {}, ...cell)));
    const node = element('table', {}, element('thead', {}, row('th', rows[0])));
    node.append(element('tbody', {}, ...rows.slice(2).map((each) => row('td', each))));
    return element('div', { className: 'scrolling', tabIndex: 0 }, node);
  }
}

// While the text is still arriving, a half-written mark would flash as raw characters.
function closeOpenEnds(text) {
  const cut = text.replace(/(?:\s*!?\[[^\]\n]*(?:\]\([^)\n]*)?|\*+)$/, '');
  const last = cut.slice(cut.lastIndexOf('\n') + 1);
  return (last.split('**').length - 1) % 2 ? `${cut}**` : cut;
}

/** The answer as it is read out: no marks, no citation numbers. */
export const plainText = (text) =>
  text
    .replace(/!?\[([^\]\n]+)\]\([^)\n]*\)/g, '$1')
    .replace(/\s*\[\d{1,2}(?:\s*,\s*\d{1,2})*\]/g, '')
    .replace(/[*`#|]+/g, '');
