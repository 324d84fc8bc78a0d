// Changes to Evidence that the pages cannot do without; why, and how to leave it, is in
// docs/decisions/0015. Where upstream has changed, this stops.
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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
	// The path of the project stands in SQL: an apostrophe in it ended the text.
	{
		file: 'universal-sql/src/build-parquet.js',
		find: /filename\.replaceAll\('\\\\', '\/'\)|(?<=TO '\$\{)outputFilepath/g,
		times: 2,
		replace: (path) => `${path}.replaceAll("'", "''")`
	},
	// Tooltips are HTML: names in them are text.
	{
		file: 'core-components/dist/unsorted/viz/core/_Chart.svelte',
		find: /formatter: function \(params\) \{\n/g,
		times: 1,
		replace: (start) => `${start}${AS_TEXT}\nparams = params${TEXT_OF_HTML};\n`
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
	},
	// For keyboards and screen readers: wide tables scroll, headers sort, every input has a name.
	...[
		['unsorted/viz/table/_DataTable.svelte', /<div class="scrollbox /g, 'role="group" aria-label="Table" tabindex="0"'],
		[
			'unsorted/viz/table/TableHeader.svelte',
			/<th\s+role="columnheader"\s+class="\{safeExtractColumn/g,
			`tabindex={sortable ? 0 : undefined}
			aria-sort={sortObj.col === column.id ? (sortObj.ascending ? 'ascending' : 'descending') : undefined}
			on:keydown={(event) => sortable && event.key === 'Enter' && sortClick(column.id)}`
		],
		['atoms/inputs/slider/_Slider.svelte', /<SliderShadcn \{min\}/g, 'aria-label={title}'],
		['atoms/shadcn/slider/sliderShadcn.svelte', /<SliderPrimitive\.Thumb\s+\{thumb\}/g, "aria-label={$$restProps['aria-label']}"]
	].map(([file, find, attributes]) => ({
		file: `core-components/dist/${file}`,
		find,
		times: 1,
		replace: (tag) => tag.replace(/^<[\w.]+/, (name) => `${name} ${attributes}`)
	})),
	{
		file: 'core-components/dist/atoms/inputs/dropdown/Dropdown.svelte',
		find: /role="combobox"|aria-label=\{title \?\? formatTitle\(name\)\}/g,
		times: 2,
		replace: () => ''
	}
];

// what came from the registry is kept beside, so that this can run again
const changed = new Map();
for (const { file, find, times, replace } of patches) {
	const path = fileURLToPath(new URL(`../node_modules/@evidence-dev/${file}`, import.meta.url));
	const original = `${path}.original`;
	if (!existsSync(original)) copyFileSync(path, original);
	const source = changed.get(path) ?? readFileSync(original, 'utf8');
	const found = source.match(find)?.length ?? 0;
	if (found !== times) {
		throw new Error(`${file} has ${found} places to patch, not ${times}: is it another version?`);
	}
	changed.set(path, source.replace(find, (place) => replace(place)));
}
for (const [path, source] of changed) writeFileSync(path, source);

// A console and settings, for authors: readers do not need them, and they are a tenth of the site.
const evidence = fileURLToPath(new URL('../node_modules/@evidence-dev', import.meta.url));
for (const pages of ['explore', 'settings']) {
	rmSync(`${evidence}/evidence/template/src/pages/${pages}`, { recursive: true, force: true });
}

// Of four thousand icons the build would hold in memory, those that somebody names.
const named = new Set(
	readdirSync(evidence, { recursive: true })
		.filter((file) => /\.(svelte|js)$/.test(file) && !file.includes('node_modules'))
		.map((file) => `${evidence}/${file}`)
		.filter((path) => statSync(path).isFile())
		.map((path) => readFileSync(path, 'utf8'))
		.flatMap((source) => source.match(/\w+/g))
);
const icons = fileURLToPath(new URL('../node_modules/@steeze-ui/tabler-icons/dist/index.js', import.meta.url));
if (!existsSync(`${icons}.original`)) copyFileSync(icons, `${icons}.original`);
const lines = readFileSync(`${icons}.original`, 'utf8').split('\n');
const isKept = (line) => named.has(line.match(/^export const (\w+) = /)?.[1]);
writeFileSync(icons, lines.filter(isKept).join('\n'));
