import type { buildConnector as builder } from 'undici';
import requests from 'undici/lib/api/index.js';
import buildConnector from 'undici/lib/core/connect.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';

/**
 * undici's pool of connections and its requests, without the rest of the package: fetch, caches, mocks, web sockets and
 * proxies, which no node uses, are most of what its index loads, a tenth of a second of each start and 9 MiB at rest.
 */
Object.assign(Dispatcher.prototype, requests); // as the index does

export { buildConnector, Pool };
export type Connector = builder.connector;
