/** What has to be done that a node comes by, beside what the crowd does all the time. */
export type Errand =
  | ('nothing' | 'restart' | 'restore' | 'stop' | 'backup')
  | ('new keys' | 'new key of head office' | 'new authority' | 'end of an authority')
  | ('case' | 'end of a case' | 'adjustment');

export interface CrashPoint {
  readonly name: string;
  readonly node: 'branch' | 'centre';
  readonly errand: Errand;
  /** It dies when it comes by for the nth time. */
  readonly passings: number;
}

/** One place of the code. */
export interface Place {
  readonly name: string;
  readonly file: string;
  /** The compiled text right before the place, or right behind it. */
  readonly after?: string;
  readonly before?: string;
  readonly node?: 'branch' | 'centre';
  readonly errand?: Errand;
  readonly passings?: number;
}
