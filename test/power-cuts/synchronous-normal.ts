import { register } from 'node:module';

/** Loaded before a node's program: its embedded store commits as fast as it can lie. */
register('./normal-hook.js', import.meta.url);
