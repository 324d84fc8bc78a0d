// Lets the pages work without a network; why, and how to leave it, is in docs/decisions/0015.
//
// duckdb-wasm 1.28.0 is the last one with Parquet compiled in: later ones fetch it while the site is
// built, and in the reader's browser. Its DuckDB knows nothing of two settings that universal-sql
// always makes, so these two statements may fail. Where upstream has changed, this stops.
import { readFileSync, writeFileSync } from 'node:fs';

const SETTINGS = /^(\s*)(await connection\.query\('SET (?:ieee_floating_point_ops|old_implicit_casting) = \w+;'\);)$/gm;
const MARK = '/* may fail: patch-universal-sql */';

for (const file of ['browser.js', 'node.js']) {
	const path = new URL(
		`../node_modules/@evidence-dev/universal-sql/src/client-duckdb/${file}`,
		import.meta.url
	);
	const source = readFileSync(path, 'utf8');
	if (source.includes(MARK)) continue;
	const found = source.match(SETTINGS)?.length ?? 0;
	if (found !== 2) {
		throw new Error(`${file} of universal-sql has ${found} settings to patch, not 2: is it another version?`);
	}
	writeFileSync(path, source.replace(SETTINGS, `$1${MARK} try { $2 } catch { /* an older DuckDB */ }`));
}
