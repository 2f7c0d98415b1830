/** What real nodes registered, told apart from what the table says of them. */

interface RouteSource {
  readonly api: {
    readonly app: {
      readonly routes: readonly { method: string; path: string }[];
    };
    document(): object;
  };
  readonly peerApp: { readonly routes: readonly { method: string; path: string }[] };
}

/** Hono's `:name{pattern}` as the table's `{name}`. */
function routeOf({ method, path }: { method: string; path: string }): string {
  return `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\}+)?/g, '{$1}')}`;
}

export function frontRoutesOf({ api }: RouteSource): string[] {
  const routes = api.app.routes.filter(({ method }) => method !== 'ALL').map(routeOf);
  return [...new Set(routes)];
}

export function peerRoutesOf({ peerApp }: RouteSource): string[] {
  const routes = peerApp.routes.filter(({ method }) => method !== 'ALL').map(routeOf);
  return [...new Set(routes)];
}

/** What each endpoint says that it needs, as the API's document tells everybody. */
export function documentedNeedsOf({ api }: RouteSource): Map<string, string> {
  const { paths = {} } = api.document() as {
    paths?: Record<string, Record<string, { 'x-permission'?: string }>>;
  };
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) =>
          [`${method.toUpperCase()} ${path}`, operation['x-permission'] ?? 'nothing'] as const,
      ),
    ),
  );
}
