/** Runes everywhere; and no HTML but what stands in templates, which `lint.mjs` holds. */
export default { compilerOptions: { runes: true } };
