# The program alone: production packages, no shell in the way, not root. Any user id works; 65532 is the chart's.
FROM node:22.21-alpine AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts
COPY lib lib
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:22.21-alpine
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY bin/job-spawner bin/
COPY schemas schemas
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER 65532:65532
EXPOSE 8480
ENTRYPOINT ["node", "/app/bin/job-spawner"]
CMD ["run"]
