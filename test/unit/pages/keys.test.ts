import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { assetPath } from '../../../shared/store/assets.ts';

interface Pressed {
  readonly key: string;
  readonly code: string;
}

/** Where a page's keys lead, in a document that has nothing but the places of the menu. */
function pressed(...keys: readonly Pressed[]): string[] {
  const gone: string[] = [];
  const heard = new Map<string, (event: object) => void>();
  class Anchor {
    readonly place: string;
    constructor(place: string) {
      this.place = place;
    }
    click() {
      gone.push(this.place);
    }
  }
  const document = {
    addEventListener: (name: string, hear: (event: object) => void) => heard.set(name, hear),
    getElementById: () => null,
    querySelector: (selector: string) => {
      const place = /^\[data-go="(.)"\]$/.exec(selector)?.[1];
      return place === 'p' || place === 'f' ? new Anchor(place) : null;
    },
  };
  const script = readFileSync(assetPath('shared/pages/assets/app.js'), 'utf8');
  runInNewContext(script, {
    document,
    window: { addEventListener: () => undefined },
    CSS: { escape: (text: string) => text },
    HTMLElement: class {},
    HTMLInputElement: class {},
    HTMLDialogElement: class {},
    HTMLAnchorElement: Anchor,
  });
  for (const [at, key] of keys.entries()) {
    heard.get('keydown')?.({ ...key, timeStamp: 1_000 + at, preventDefault: () => undefined });
  }
  return gone;
}

describe('the keys of a page', () => {
  it('lead to places in the Latin alphabet', () => {
    const keys = [
      { key: 'g', code: 'KeyG' },
      { key: 'p', code: 'KeyP' },
    ];
    expect(pressed(...keys)).to.deep.equal(['p']);
  });

  it('lead there while the Russian one is switched on', () => {
    const keys = [
      { key: 'п', code: 'KeyG' },
      { key: 'з', code: 'KeyP' },
    ];
    expect(pressed(...keys)).to.deep.equal(['p']);
  });

  it('are the letters that are written on them, wherever they are', () => {
    const keys = [
      { key: 'g', code: 'KeyU' },
      { key: 'p', code: 'KeyR' },
    ];
    expect(pressed(...keys)).to.deep.equal(['p']);
  });
});
