// The loader owns what stands on the customer's page: the bubble, the frame of the panel, and the visitor's two stored values.
(() => {
  const CONFIG = /*CONFIG*/{}/*END*/;
  if (window.HelpNinja?.open) return;

  // A page may block its storage (or fill it up): then the values live as long as the page.
  const memory = {};
  const read = (key) => {
    try {
      return memory[key] ?? localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const write = (key, value) => {
    try {
      if (value) localStorage.setItem(key, value);
      else localStorage.removeItem(key);
      delete memory[key];
    } catch {
      memory[key] = value;
    }
  };
  // randomUUID exists in secure contexts only; pages on plain http have getRandomValues.
  const uuid = () =>
    crypto.randomUUID?.() ??
    '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (c) =>
      (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16),
    );
  if (!read('hn_sid')) write('hn_sid', uuid());

  // White, unless the accent is too light for it (relative luminance, WCAG 2.2).
  const accent = /^#[\da-f]{6}$/i.test(CONFIG.accent) ? CONFIG.accent : '#0b7a64';
  const light = [1, 3, 5].map((i) => parseInt(accent.slice(i, i + 2), 16) / 255)
    .reduce((sum, c, i) => sum + [0.2126, 0.7152, 0.0722][i] * (c > 0.04045 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92), 0);
  const side = /left/.test(CONFIG.position) ? 'left' : 'right';
  const name = CONFIG.name || 'HelpNinja';

  // Constructable sheets and the CSSOM pass a host policy without 'unsafe-inline'; the important rules on
  // :host win over whatever the page says about unknown elements.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host{all:initial!important}
*{box-sizing:border-box}
button{all:unset;position:fixed;bottom:20px;${side}:20px;z-index:2147483000;width:58px;height:58px;border-radius:50%;display:grid;place-items:center;
cursor:pointer;background:${accent};color:${light > 0.183 ? '#04150f' : '#fff'};box-shadow:0 6px 20px #04150f38;transition:transform .15s}
button:hover{transform:scale(1.05)}
button:focus-visible{outline:2px solid ${accent};outline-offset:3px;box-shadow:0 0 0 3px #fff}
svg{width:26px;fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}
span{position:absolute;top:-3px;${side}:-3px;min-width:20px;padding:0 6px;border-radius:10px;background:#c0362c;color:#fff;
font:600 12px/20px system-ui,sans-serif;text-align:center}
span:empty{display:none}
dialog{position:fixed;inset:auto;bottom:96px;${side}:20px;z-index:2147483000;margin:0;padding:0;border:1px solid #e4e7e5;border-radius:18px;overflow:hidden;
width:384px;height:min(620px,100vh - 116px);max-width:none;max-height:none;background:#fff;box-shadow:0 12px 40px #04150f2e;color-scheme:light dark}
dialog[open]{animation:in .18s ease-out}
dialog::backdrop{background:none}
iframe{display:block;width:100%;height:100%;border:0}
@keyframes in{from{opacity:0;transform:translateY(8px)}}
@media(prefers-color-scheme:dark){dialog{background:#111413;border-color:#272d2a;box-shadow:0 12px 40px #0006}}
@media(max-width:480px),(max-height:440px){dialog{inset:0;width:100%;height:100%;height:100dvh;border:0;border-radius:0}}
@media(prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media print{:host{display:none!important}}`);

  const host = document.createElement('helpninja-widget');
  const root = host.attachShadow({ mode: 'closed' });
  root.adoptedStyleSheets = [sheet];
  const make = (tag, attributes, namespace = 'http://www.w3.org/1999/xhtml') => {
    const element = document.createElementNS(namespace, tag);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const svg = 'http://www.w3.org/2000/svg';
  const bubble = make('button', { type: 'button', 'aria-label': name, 'aria-haspopup': 'dialog', 'aria-expanded': false, 'aria-controls': 'panel' });
  const icon = make('svg', { viewBox: '0 0 24 24', 'aria-hidden': true }, svg);
  icon.append(make('path', {
    d: 'M2.992 16.342a2 2 0 0 1 .094 1.167l-1.065 3.29a1 1 0 0 0 1.236 1.168l3.413-.998a2 2 0 0 1 1.099.092 10 10 0 1 0-4.777-4.719',
  }, svg));
  const badge = make('span', { 'aria-hidden': true });
  bubble.append(icon, badge);
  const dialog = make('dialog', { id: 'panel', 'aria-label': name });
  root.append(bubble, dialog);

  const phone = matchMedia('(max-width:480px),(max-height:440px)');
  let frame;
  let port;

  const setUnread = (count) => {
    badge.textContent = count > 9 ? '9+' : count || '';
    bubble.setAttribute('aria-label', count ? `${name} (${count})` : name);
  };
  // The query and the fragment of a customer's address can carry secrets (reset links): they stay on the page.
  const page = () => location.origin + location.pathname;
  const tell = (type) => port?.postMessage({ type, pageUrl: page() });

  // The keyboard of a phone covers the page without resizing it; the panel keeps to what is left.
  const fit = () => {
    const view = phone.matches && dialog.open && window.visualViewport;
    dialog.style.height = view ? `${view.height}px` : '';
    dialog.style.top = view ? `${view.offsetTop}px` : '';
  };
  window.visualViewport?.addEventListener('resize', fit);
  window.visualViewport?.addEventListener('scroll', fit);
  phone.addEventListener('change', fit);

  const close = () => {
    if (!dialog.open) return;
    const hadFocus = document.activeElement === host;
    dialog.close();
    fit();
    bubble.setAttribute('aria-expanded', false);
    tell('hidden');
    if (hadFocus) bubble.focus();
  };

  const hear = {
    ready: () => (frame.ready = true),
    session: ({ sessionId, token }) => {
      write('hn_sid', sessionId);
      write('hn_token', token);
    },
    unread: ({ count }) => setUnread(dialog.open ? 0 : count),
    close,
  };

  // One private channel per load of the frame. The port goes to our origin and to nobody else, so whatever
  // comes out of it was sent by the panel.
  const connect = () => {
    const channel = new MessageChannel();
    port = channel.port1;
    port.onmessage = ({ data }) => Object.hasOwn(hear, data?.type) && hear[data.type](data);
    const hello = { type: 'helpninja', sessionId: read('hn_sid'), token: read('hn_token'), pageUrl: page(), visible: dialog.open };
    frame.contentWindow.postMessage(hello, CONFIG.origin, [channel.port2]);
    setTimeout(() => {
      if (!frame.ready) console.warn(`HelpNinja: the panel did not load. Allow ${CONFIG.origin} in frame-src, and this site in the workspace's domains.`);
    }, 8000);
  };

  const open = () => {
    if (dialog.open) return;
    if (!frame) {
      const url = new URL(CONFIG.panelUrl, CONFIG.origin);
      url.searchParams.set('o', location.origin);
      frame = make('iframe', { title: name, src: url });
      frame.addEventListener('load', connect);
      dialog.append(frame);
    }
    if (phone.matches) dialog.showModal();
    else dialog.show();
    fit();
    bubble.setAttribute('aria-expanded', true);
    setUnread(0);
    frame.focus();
    tell('visible');
  };

  bubble.addEventListener('click', () => (dialog.open ? close() : open()));
  root.addEventListener('keydown', (event) => event.key === 'Escape' && close());
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });

  window.HelpNinja = Object.freeze({ open, close });
  const mount = () => document.body.append(host);
  if (document.body) mount();
  else addEventListener('DOMContentLoaded', mount);
})();
