// The messages own how one turn of the conversation looks: bubbles, citation chips, sources, failures, system lines.

import { element, outward, plainText, renderMarkdown, safeUrl } from './markdown.js';

const row = (kind, author, ...children) =>
  element('li', { className: kind }, ...(author ? [element('span', { className: 'unseen' }, `${author}: `)] : []), ...children);

export class Messages {
  /** `log` is the list that takes the turns, `say` gives the panel's sentences, `name` is who answers. */
  constructor(log, say, name = '') {
    this.log = log;
    this.say = say;
    this.name = name;
  }

  #add(node) {
    this.log.append(node);
    return node;
  }

  system(text) {
    return this.#add(row('system', '', text));
  }

  visitor(text) {
    const bubble = element('div', { className: 'bubble', dir: 'auto' }, text);
    const node = this.#add(row('message visitor', this.say('you'), bubble));
    const failure = element('div', { className: 'failure' });
    return {
      fail: (reason, retry) => {
        const button = element('button', { type: 'button', onclick: retry }, this.say('retry'));
        failure.replaceChildren(element('span', {}, reason), button);
        node.classList.add('failed');
        node.append(failure);
      },
      resend: () => {
        node.classList.remove('failed');
        failure.remove();
        this.log.append(node);
      },
    };
  }

  /** A finished answer, or a person's words. */
  answer(text, citations = []) {
    const answer = this.stream();
    answer.finish(text, citations);
    return answer;
  }

  /** An answer that is on its way: dots until the first words, then the words as they come. */
  stream() {
    const dots = element('div', { className: 'bubble typing' });
    dots.append(element('span', { className: 'unseen' }, this.say('typing')), element('i'), element('i'), element('i'));
    const text = element('div', { className: 'text', dir: 'auto' });
    const bubble = element('div', { className: 'bubble' }, text);
    const node = this.#add(row('message bot', this.name, dots));
    const show = (words, citations, streaming) => {
      dots.replaceWith(bubble);
      const cited = new Map(citations.map((citation) => [citation.n, this.#source(citation)]));
      const links = new Set([...cited.values()].map((source) => source.href).filter(Boolean));
      const chip = (n) => cited.get(n)?.chip() ?? (streaming ? element('span', { className: 'chip' }, String(n)) : null);
      text.replaceChildren(renderMarkdown(words, { chip, isCited: (href) => links.has(href), streaming }));
      return cited;
    };
    return {
      show: (words, citations = []) => show(words, citations, true),
      finish: (words, citations) => {
        const cited = show(words, citations, false);
        if (!cited.size) return;
        const list = element('ul', { className: 'sources', ariaLabel: this.say('sources') });
        list.append(...[...cited.values()].map((source) => element('li', { dir: 'auto' }, source.entry)));
        bubble.append(list);
      },
      remove: () => node.remove(),
      spoken: (words) => `${this.name}: ${plainText(words)}`,
    };
  }

  /** A page opens in a new tab; a file has no address, so its passage unfolds in the list of sources. */
  #source({ n, title, url, snippet }) {
    const href = safeUrl(url);
    const label = this.say('source', { n, title });
    const words = `${n} ${title}`;
    if (href) {
      return {
        href,
        entry: outward(href, {}, words),
        chip: () => outward(href, { className: 'chip', title, ariaLabel: label }, String(n)),
      };
    }
    const summary = element('summary', {}, words);
    const entry = element('details', {}, summary, element('blockquote', {}, snippet ?? ''));
    const unfold = () => {
      entry.open = true;
      summary.focus();
      entry.scrollIntoView({ block: 'nearest' });
    };
    return {
      entry,
      chip: () => element('button', { type: 'button', className: 'chip', title, ariaLabel: label, onclick: unfold }, String(n)),
    };
  }
}
