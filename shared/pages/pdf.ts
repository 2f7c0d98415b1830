import { existsSync } from 'node:fs';
import { assetPath } from '../store/assets.ts';

/** A font with Cyrillic letters; without its package texts are written in Latin ones. */
const fontFile = 'node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf';

export type PdfDocument = PDFKit.PDFDocument;

/** The longest word that the library is left to wrap: it measures each letter of it again and again. */
const maxWordLength = 40;
/** More accents than any language puts on a letter run into the lines above. */
const maxMarks = 3;

/** A PDF that `draw` fills; `legible` writes what people can read, as the font has it. */
export async function writePdf(
  options: {
    readonly size: 'A4' | [number, number];
    readonly margin: number;
    readonly title: string;
  },
  draw: (document: PdfDocument, legible: (text: string) => string) => void,
): Promise<Buffer> {
  // Loaded when it is wanted: a node's start need not wait for it.
  const pdfkit = await import('pdfkit');
  const { size, margin, title } = options;
  const document = new pdfkit.default({ size, margin, info: { Title: title } });
  const written = collect(document);
  const font = assetPath(fontFile);
  const hasFont = existsSync(font);
  document.font(hasFont ? font : 'Helvetica');
  draw(document, hasFont ? plain : (text) => latin(plain(text)));
  document.end();
  return written;
}

function collect(document: PdfDocument): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', () => resolve(Buffer.concat(chunks)));
    document.on('error', reject);
  });
}

/**
 * One line of what was typed: a line end in a name must not make a line of a receipt, and nothing
 * that cannot be seen may turn or hide what can.
 */
export function plain(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/\p{C}/gu, '')
    .replaceAll(new RegExp(`(\\p{M}{${maxMarks}})\\p{M}+`, 'gu'), '$1')
    .replaceAll(new RegExp(`(\\S{${maxWordLength}})(?=\\S)`, 'gu'), '$1 ');
}

const cyrillic = 'абвгдеёжзийклмнопрстуфхцчшщъыьэюя';
const latinLetters =
  'a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya'.split(' ');

/** Cyrillic in Latin letters, as passports write it (ICAO Doc 9303); what else Helvetica lacks becomes `?`. */
export function latin(text: string): string {
  return [...text]
    .map((letter) => {
      const place = cyrillic.indexOf(letter.toLowerCase());
      if (place < 0) return letter > 'ÿ' ? '?' : letter;
      const written = (latinLetters[place] ?? '?').replace('_', '');
      const isCapital = letter !== letter.toLowerCase();
      return isCapital ? written.charAt(0).toUpperCase() + written.slice(1) : written;
    })
    .join('');
}
