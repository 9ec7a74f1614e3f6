// The texts own which language the panel speaks. Its sentences stand in one file per language (text-en.js and so on),
// so that a visitor loads one; a workspace's own words come from its configuration.

const LANGUAGES = ['en', 'de', 'fr', 'es', 'pt', 'it', 'nl', 'pl', 'ja', 'ar'];

/** The first of these language tags that the panel speaks, else undefined. */
export const chooseLanguage = (tags) =>
  tags.map((tag) => String(tag).toLowerCase().split('-')[0]).find((language) => LANGUAGES.includes(language));

/** Loads one language; resolves with say(key, values): the sentence, its {slots} filled. */
export async function textsIn(language) {
  const { default: texts } = await import(`./text-${language}.js`);
  return (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, slot) => values[slot]);
}

export const direction = (language) => (language === 'ar' ? 'rtl' : 'ltr');

/** Why a message was refused or did not arrive. */
export function sentenceFor({ status, retryAfter }, say, language) {
  const seconds = new Intl.NumberFormat(language, { style: 'unit', unit: 'second', unitDisplay: 'long' });
  if (status === 0) return say('network');
  if (status === 402) return say('quota');
  if (status === 403 || status === 404) return say('forbidden');
  if (status === 413 || status === 422) return say('invalid');
  if (status === 429) return say('slowDown', { time: seconds.format(retryAfter || 30) });
  return say('failed');
}

/** Why a person is concerned; nothing where the answer says itself that a person was asked. */
export function concern(reason, say) {
  if (reason === 'no_answer' || reason === 'visitor_request') return '';
  return say(reason === 'provider_error' ? 'stoodIn' : 'escalated');
}
