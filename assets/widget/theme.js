// The theme owns how the workspace's accent becomes readable colours in light and dark.

const SURFACES = { light: '#f7f8f7', dark: '#161a18' };
const ON = ['#ffffff', '#04150f', '#000000'];

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const hex = (rgb) => '#' + rgb.map((c) => Math.round(c).toString(16).padStart(2, '0')).join('');
const mix = (a, b, share) => {
  const to = channels(b);
  return hex(channels(a).map((c, i) => c * share + to[i] * (1 - share)));
};

// Relative luminance and contrast as WCAG 2.2 defines them.
const luminance = (colour) =>
  channels(colour)
    .map((c) => c / 255)
    .map((c) => (c > 0.04045 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

// The nearest shade of `colour` towards `pole` that reads as text on `ground`.
const readable = (colour, ground, pole, wanted = 4.5) => {
  for (let share = 1; share > 0; share -= 0.05) {
    const shade = mix(colour, pole, share);
    if (contrast(shade, ground) >= wanted) return shade;
  }
  return pole;
};

/** Sets the accent's variables by the CSSOM, which the panel's policy allows. An accent that is no #rrggbb is ignored. */
export function applyAccent(accent, mode = matchMedia('(prefers-color-scheme: dark)')) {
  if (!/^#[\da-f]{6}$/i.test(accent ?? '') || accent.toLowerCase() === '#0b7a64') return;
  const on = ON.find((colour) => contrast(colour, accent) >= 4.5);
  const set = () => {
    const [surface, pole] = mode.matches ? [SURFACES.dark, '#ffffff'] : [SURFACES.light, '#000000'];
    const soft = mix(accent, surface, mode.matches ? 0.22 : 0.12);
    const values = {
      '--brand': accent,
      '--on-brand': on,
      '--on-brand-muted': readable(mix(on, accent, 0.85), accent, on),
      '--accent-soft': soft,
      '--accent-text': readable(accent, soft, pole),
    };
    for (const name in values) document.documentElement.style.setProperty(name, values[name]);
  };
  mode.addEventListener('change', set);
  set();
}
