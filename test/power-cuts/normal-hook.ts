import type { LoadHook } from 'node:module';

const wanted = 'synchronous = FULL';

/** Reads the compiled driver with another setting in it; nothing else is changed. */
export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context);
  if (!url.endsWith('/shared/store/embedded-store.js')) return loaded;
  const source = String(loaded.source);
  if (!source.includes(wanted)) throw new Error(`the driver does not say ${wanted}`);
  return { ...loaded, source: source.replace(wanted, 'synchronous = NORMAL') };
};
