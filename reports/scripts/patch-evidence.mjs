// Changes to Evidence that the pages cannot do without; why, and how to leave it, is in
// docs/decisions/0015. Where upstream has changed, this stops.
import { readFileSync, writeFileSync } from 'node:fs';

const SETTING = /await connection\.query\('SET (?:ieee_floating_point_ops|old_implicit_casting) = \w+;'\);/g;
const tolerant = (statement) => `try { ${statement} } catch { /* an older DuckDB */ }`;

const TEXT_OF_HTML =
	`.map((param) => ({ ...param, seriesName: asText(param.seriesName), value: [].concat(param.value).map(asText) }))`;
const AS_TEXT =
	`const asText = (value) => typeof value === 'string' ? value.replace(/[&<>"']/g, (c) => '&#' + c.charCodeAt(0) + ';') : value;`;

const FORMULA = String.raw`/^'*[=+@\t\r\n＝＋－＠-]/`;
const GUARDED = `JSON.parse(JSON.stringify(Array.from(data)), (_, value) => typeof value === 'string' && ${FORMULA}.test(value) ? "'" + value : value)`;

const patches = [
	// duckdb-wasm 1.28.0 is the last one with Parquet compiled in: later ones fetch it while the site
	// is built, and in the reader's browser. Its DuckDB knows nothing of two settings that
	// universal-sql always makes, so these two statements may fail.
	...['browser', 'node'].map((side) => ({
		file: `universal-sql/src/client-duckdb/${side}.js`,
		find: SETTING,
		times: 2,
		replace: tolerant
	})),
	// Tooltips are HTML: names in them are text.
	{
		file: 'core-components/dist/unsorted/viz/core/_Chart.svelte',
		find: /formatter: function \(params\) \{\n/g,
		times: 1,
		replace: (start) => `${start}${AS_TEXT}\nparams = params${TEXT_OF_HTML};\n`
	},
	// A table's hidden links widened the page: they belong into the part that scrolls.
	{
		file: 'core-components/dist/unsorted/viz/table/_DataTable.svelte',
		find: /\.scrollbox \{/g,
		times: 1,
		replace: (start) => `${start} position: relative;`
	},
	// A choice that has a quote in it stopped the page.
	{
		file: '../cmdk-sv/dist/cmdk/components/CommandInput.svelte',
		find: /\$commandEl\?\.querySelector\(`\$\{ITEM_SELECTOR\}\[\$\{VALUE_ATTR\}="\$\{\$value\}"\]`\)/g,
		times: 1,
		replace: (query) => query.replace('${$value}', () => '${CSS.escape($value ?? "")}')
	},
	// What a spreadsheet would run as a formula has an apostrophe before it, as in all our exports.
	{
		file: 'core-components/dist/unsorted/ui/DownloadData.svelte',
		find: /JSON\.parse\(JSON\.stringify\(Array\.from\(data\)\)\)/g,
		times: 1,
		replace: () => GUARDED
	}
];

for (const { file, find, times, replace } of patches) {
	const path = new URL(`../node_modules/@evidence-dev/${file}`, import.meta.url);
	const source = readFileSync(path, 'utf8');
	const mark = `/* patch-evidence */`;
	if (source.includes(mark)) continue;
	const found = source.match(find)?.length ?? 0;
	if (found !== times) {
		throw new Error(`${file} has ${found} places to patch, not ${times}: is it another version?`);
	}
	writeFileSync(path, source.replace(find, (place) => `${mark} ${replace(place)}`));
}
