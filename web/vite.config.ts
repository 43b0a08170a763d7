import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig } from "vitest/config";

const OUT = "../src/lockgate/http/dashboard/built";
/** kB of all JavaScript together, compressed by brotli as browsers are sent it; a build with more fails. */
const MOST = 200;

/** Where the gateway runs while the dashboard is worked on (`npm run dev`). */
const gateway = process.env.LOCKGATE_URL ?? "http://localhost:8787";
const proxy = Object.fromEntries(["/v1", "/auth", "/openapi.json"].map((path) => [path, { target: gateway }]));

/** Beside each file what it is by brotli and gzip, so that nothing is compressed while it is asked for. */
function pack() {
  return {
    name: "pack",
    apply: "build" as const,
    closeBundle() {
      let scripts = 0;
      for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(path)) continue;
        const body = readFileSync(path);
        const packed = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
        writeFileSync(`${path}.gz`, gzipSync(body, { level: 9 }));
        writeFileSync(`${path}.br`, packed);
        if (path.endsWith(".js")) scripts += packed.length;
      }
      if (scripts > MOST * 1000) throw new Error(`All JavaScript is ${Math.round(scripts / 1000)} kB compressed; ${MOST} is the most.`);
    },
  };
}

export default defineConfig({
  plugins: [svelte(), pack()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  server: { proxy },
  test: { include: ["src/**/*.test.ts"] },
});
