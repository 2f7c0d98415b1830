import { serve } from '@hono/node-server';
import { Hono } from 'hono';

/** The yardstick of HTTP: what comes is sent back, and nothing else is done. */
const app = new Hono();
app.post('/echo', async (c) => c.json(await c.req.json(), 201));
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(port));
