/**
 * A disk as a power cut may leave it. What was synced is there; of what was not, any part may be: each sector of each
 * write, each new length, each name of a folder, by itself.
 */

export type DiskEvent = { readonly atMs: number } & (
  | { readonly type: 'create'; readonly path: string }
  | {
      readonly type: 'write';
      readonly path: string;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly type: 'truncate'; readonly path: string; readonly size: number }
  | { readonly type: 'rename'; readonly path: string; readonly to: string }
  | { readonly type: 'unlink'; readonly path: string }
  | { readonly type: 'sync'; readonly path: string }
);

/** What lies on the disk afterwards: names and contents. */
export type Image = ReadonlyMap<string, Buffer>;

interface Inode {
  readonly durable: Content;
  pending: Change[];
  /** Where its images are made, one after the other: megabytes are not taken anew for each. */
  scratch: Buffer;
}

const newInode = (bytes: Buffer): Inode => ({
  ...{ durable: contentOf(bytes), pending: [], scratch: Buffer.alloc(0) },
});

type NameChange = { name: string; inode?: Inode };

export interface Disk {
  apply(event: DiskEvent): void;
  /** How much is still in the air. */
  pending(): number;
  /**
   * One of the images that are possible now, and what tells it from the others. Its bytes are good until the next one is
   * made.
   */
  image(random: () => number): { files: Image; signature: string };
}

const sectors = [512, 4096];
/** How likely a part is to have reached the disk: never and always are what most programs are tested with. */
const chances = [0, 0.05, 0.3, 0.5, 0.7, 0.95, 1];

const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'));

export function createDisk(base: Image): Disk {
  const live = new Map<string, Inode>();
  const durableNames = new Map<string, Inode>();
  /** Changes of names that no folder has been synced for. */
  let names: NameChange[] = [];
  let version = 0;
  for (const [path, content] of base) {
    const inode = newInode(Buffer.from(content));
    live.set(path, inode);
    durableNames.set(path, inode);
  }

  function rename(path: string, inode: Inode | undefined): void {
    if (inode) live.set(path, inode);
    else live.delete(path);
    names.push(inode ? { name: path, inode } : { name: path });
  }

  function sync(path: string): void {
    const inode = live.get(path);
    if (inode) {
      if (inode.pending.length > 0) version += 1;
      for (const made of inode.pending) change(inode.durable, made);
      inode.pending = [];
      return;
    }
    const synced = names.filter(({ name }) => folderOf(name) === path);
    if (synced.length > 0) version += 1;
    for (const change of synced) applyName(durableNames, change);
    names = names.filter((change) => !synced.includes(change));
  }

  return {
    apply(event) {
      const inode = live.get(event.path);
      if (event.type === 'sync') sync(event.path);
      else if (event.type === 'create') {
        if (!inode) rename(event.path, newInode(Buffer.alloc(0)));
      } else if (event.type === 'write') inode?.pending.push(event);
      else if (event.type === 'truncate') inode?.pending.push({ size: event.size });
      else if (event.type === 'rename') {
        rename(event.to, inode);
        rename(event.path, undefined);
      } else rename(event.path, undefined);
    },
    pending: () =>
      names.length + [...live.values()].reduce((sum, { pending }) => sum + pending.length, 0),
    image(random) {
      const tells: string[] = [String(version)];
      const chance = () => chances[Math.floor(random() * chances.length)] ?? 1;
      const nameChance = chance();
      const found = new Map(durableNames);
      for (const change of names) {
        const isKept = random() < nameChance;
        tells.push(isKept ? 'n' : '-');
        if (isKept) applyName(found, change);
      }
      const files = new Map<string, Buffer>();
      for (const [path, inode] of found) files.set(path, torn(inode, { random, chance, tells }));
      return { files, signature: tells.join('') };
    },
  };
}

function applyName(map: Map<string, Inode>, { name, inode }: NameChange): void {
  if (inode) map.set(name, inode);
  else map.delete(name);
}

/** Bytes with room to grow; what is beyond the length is zero. */
interface Content {
  bytes: Buffer;
  length: number;
}

type Change = { readonly offset: number; readonly data: Buffer } | { readonly size: number };

const contentOf = (bytes: Buffer): Content => ({ bytes, length: bytes.length });

function change(content: Content, made: Change): void {
  const end = 'size' in made ? made.size : made.offset + made.data.length;
  if (end > content.bytes.length) {
    const wider = Buffer.alloc(2 * end);
    content.bytes.copy(wider, 0, 0, content.length);
    content.bytes = wider;
  }
  if ('size' in made) {
    content.bytes.fill(0, Math.min(end, content.length), content.length);
    content.length = end;
  } else {
    made.data.copy(content.bytes, made.offset);
    content.length = Math.max(content.length, end);
  }
}

function torn(
  inode: Inode,
  { random, chance, tells }: { random: () => number; chance: () => number; tells: string[] },
): Buffer {
  const { durable, pending } = inode;
  const room = pending.reduce((most, made) => Math.max(most, endOf(made)), durable.length);
  if (inode.scratch.length < room) inode.scratch = Buffer.alloc(2 * room);
  const content = { bytes: inode.scratch, length: durable.length };
  durable.bytes.copy(content.bytes, 0, 0, durable.length);
  content.bytes.fill(0, durable.length, room);
  const kept = chance();
  const sector = sectors[random() < 0.5 ? 0 : 1] ?? 512;
  const isPrefix = random() < 0.2;
  let isOver = false;
  for (const made of pending) {
    if (isPrefix && random() > kept) isOver = true;
    for (const piece of 'size' in made ? [made] : piecesOf(made, sector)) {
      const isKept = isPrefix ? !isOver : random() < kept;
      tells.push(isKept ? `${endOf(piece)},` : '.');
      if (isKept) change(content, piece);
    }
  }
  return content.bytes.subarray(0, content.length);
}

const endOf = (made: Change) => ('size' in made ? made.size : made.offset + made.data.length);

/** A write cut at the borders of sectors: each piece is on the disk wholly or not at all. */
function piecesOf({ offset, data }: { offset: number; data: Buffer }, sector: number) {
  const pieces: { offset: number; data: Buffer }[] = [];
  for (let start = 0; start < data.length; ) {
    const length = Math.min(data.length - start, sector - ((offset + start) % sector));
    pieces.push({ offset: offset + start, data: data.subarray(start, start + length) });
    start += length;
  }
  return pieces;
}
