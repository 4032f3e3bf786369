// What the pages do by themselves, in a browser that lets them. Each of them can be
// read, and its forms sent, without.

const after = (wait, do_) => {
	let due = 0;
	return () => { clearTimeout(due); due = setTimeout(do_, wait); };
};

// atMost calls do_ soon, and not more often than every so many milliseconds.
const atMost = (every, do_) => {
	let due = 0, last = 0;
	return () => {
		if (due) return;
		due = setTimeout(() => { due = 0; last = Date.now(); do_(); }, Math.max(200, last + every - Date.now()));
	};
};

// Browsers have few connections to a server: who does not look at a page needs none.
function follow(url, types, take) {
	let source = null;
	const open = () => {
		if (document.hidden || source) return;
		source = new EventSource(url());
		for (const type of types) source.addEventListener(type, take);
	};
	const close = () => { if (source) source.close(); source = null; };
	document.addEventListener('visibilitychange', () => document.hidden ? close() : open());
	addEventListener('pagehide', close);
	open();
	return { again: () => { close(); open(); } };
}

const eventTypes = 'colony-started draining colony-ended started spawn-failed adopted ready unready overdue failed exited emptied terminating killed spec-changed spec-invalid removed requested answered degraded recovered upgraded upgrade-failed panicked'.split(' ');

// renew takes what is marked as fresh from the same page as it is now.
async function renew() {
	if (document.hidden) return;
	const answer = await fetch(location.href).catch(() => null);
	if (!answer || !answer.ok || answer.redirected) return;
	const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
	for (const old of document.querySelectorAll('[data-fresh]')) {
		const now = page.getElementById(old.id);
		if (!now) { old.replaceChildren(); continue; }
		if (old.innerHTML === now.innerHTML) continue;
		for (const open of old.querySelectorAll('details[open]')) {
			const same = open.id && now.querySelector('#' + CSS.escape(open.id));
			if (same) same.open = true;
		}
		const chosen = document.getSelection();
		if (old.contains(document.activeElement) || (!chosen.isCollapsed && old.contains(chosen.anchorNode))) continue; // in use
		const scrolled = [...old.querySelectorAll('.wide')].map(e => [e.scrollLeft, e.scrollTop]);
		old.replaceChildren(...document.adoptNode(now).childNodes);
		old.querySelectorAll('.wide').forEach((e, i) => scrolled[i] && e.scrollTo(...scrolled[i]));
	}
}

if (document.body.dataset.stream) {
	const soon = atMost('slow' in document.body.dataset ? 2500 : 1000, renew);
	const stream = follow(() => document.body.dataset.stream, eventTypes, soon);
	const filter = document.getElementById('events-filter');
	if (filter) filter.addEventListener('input', after(250, async () => {
		const asked = new URLSearchParams([...new FormData(filter)].filter(([, value]) => value.trim()));
		history.replaceState(null, '', '/events' + (asked.size ? '?' + asked : ''));
		document.body.dataset.stream = '/v1/events'; // of which not all are for this page then
		await renew();
		stream.again();
	}));
	setInterval(renew, 15000); // times go on without events
	document.addEventListener('visibilitychange', () => { if (!document.hidden) soon(); });
}

// The table of services: rows are made for what is visible of it, and fetched in
// blocks.
function list(view) {
	const admin = 'admin' in view.dataset, block = 200, form = document.getElementById('many');
	const body = view.querySelector('tbody'), filter = document.getElementById('filter');
	const query = new URLSearchParams(view.dataset.query);
	const chosen = new Set(), blocks = new Map();
	let total = +view.dataset.total, version = 0, height = 37, shown = '', waiting = new Set();

	const first = body.querySelector('tr');
	if (first) height = first.getBoundingClientRect().height || height;
	document.getElementById('pages').replaceChildren(document.getElementById('total'));

	const cell = (tr, kind, text) => {
		const td = tr.insertCell();
		td.className = kind;
		if (text !== undefined) td.textContent = text;
		return td;
	};
	let made = new Map(); // by row, for as long as it is visible
	const rowAt = at => {
		const row = (blocks.get(Math.floor(at / block)) || [])[at % block], old = made.get(at);
		return old && old.row === row ? old : { row, tr: rowOf(at, row) };
	};
	const rowOf = (at, row) => {
		const tr = document.createElement('tr');
		tr.ariaRowIndex = at + 2;
		if (admin) {
			const box = document.createElement('input');
			box.type = 'checkbox';
			if (row) {
				box.value = row.name;
				box.checked = chosen.has(row.name);
				box.ariaLabel = 'Choose ' + row.name;
			} else {
				box.disabled = true;
				box.ariaLabel = 'Not loaded yet';
			}
			cell(tr, 'choose').append(box);
		}
		if (!row) {
			cell(tr, 'name', '…');
			for (const kind of ['state', 'since', 'restarts', 'cpu', 'memory', 'note']) cell(tr, kind);
			return tr;
		}
		if (row.wrong) tr.className = 'wrong';
		const link = document.createElement('a');
		link.href = '/services/' + encodeURIComponent(row.name);
		link.textContent = row.name;
		cell(tr, 'name').append(link);
		const state = document.createElement('span');
		state.className = 'state ' + row.state;
		state.textContent = row.state;
		cell(tr, 'state').append(state);
		for (const kind of ['since', 'restarts', 'cpu', 'memory', 'note']) cell(tr, kind, row[kind]);
		return tr;
	};
	const space = rows => {
		const tr = document.createElement('tr');
		tr.className = 'space';
		tr.ariaHidden = 'true';
		const td = tr.insertCell();
		td.colSpan = admin ? 8 : 7;
		td.style.height = rows * height + 'px';
		return tr;
	};
	const load = async number => {
		if (waiting.has(number)) return;
		waiting.add(number);
		const of = version, ask = new URLSearchParams(query);
		ask.set('from', number * block);
		ask.set('n', block);
		const answer = await fetch('/rows?' + ask).catch(() => null);
		if (of !== version) return;
		waiting.delete(number);
		if (!answer || !answer.ok || answer.redirected) return;
		const page = await answer.json();
		if (of !== version) return;
		blocks.set(number, page.rows);
		total = page.total;
		document.getElementById('total').textContent = total === 1 ? '1 service' : total + ' services';
		for (const link of document.querySelectorAll('#states [data-state]')) link.querySelector('b').textContent = page.counts[link.dataset.state] || 0;
		shown = '';
		draw();
	};
	function draw() {
		const began = performance.now();
		const from = Math.max(0, Math.floor(view.scrollTop / height) - 8);
		const to = Math.min(total, from + Math.ceil(view.clientHeight / height) + 16);
		const key = [version, from, to, total].join();
		if (key === shown) return;
		const last = Math.max(0, Math.ceil(to / block) - 1);
		for (let number = Math.floor(from / block); number <= last; number++) if (!blocks.has(number)) load(number);
		const focus = body.contains(document.activeElement) ? document.activeElement.closest('tr').ariaRowIndex : null;
		const kind = focus && document.activeElement.tagName;
		const rows = [];
		if (from > 0) rows.push(space(from));
		const making = new Map();
		for (let at = from; at < to; at++) {
			making.set(at, rowAt(at));
			rows.push(making.get(at).tr);
		}
		made = making;
		if (to < total) rows.push(space(total - to));
		if (total === 0) {
			const tr = document.createElement('tr');
			cell(tr, 'name', 'No service matches.').colSpan = admin ? 8 : 7;
			rows.push(tr);
		}
		body.replaceChildren(...rows);
		if (focus) [...body.rows].find(tr => tr.ariaRowIndex === focus)?.querySelector(kind)?.focus({ preventScroll: true });
		view.querySelector('table').ariaRowCount = total + 1;
		shown = key;
		performance.measure('draw', { start: began, end: performance.now() });
	}
	let drawing = false;
	view.addEventListener('scroll', () => {
		if (drawing) return;
		drawing = true;
		requestAnimationFrame(() => { drawing = false; draw(); });
	}, { passive: true });
	addEventListener('resize', () => { shown = ''; draw(); });

	// anew asks for other rows; the old ones stay until they are there.
	const anew = async () => {
		version++;
		waiting = new Set();
		const of = version, number = Math.floor(Math.max(0, view.scrollTop / height - 8) / block);
		const old = new Map(blocks);
		blocks.clear();
		await load(number);
		if (of === version && !blocks.size) for (const [n, rows] of old) blocks.set(n, rows); // no answer
	};
	const narrow = () => {
		view.scrollTop = 0;
		for (const name of ['text', 'state']) form.elements[name].value = query.get(name) || '';
		history.replaceState(null, '', '/services' + (query.size ? '?' + query : ''));
		anew();
	};
	filter.addEventListener('input', after(80, () => {
		filter.value ? query.set('text', filter.value) : query.delete('text');
		narrow();
	}));
	filter.form.addEventListener('submit', e => e.preventDefault());
	document.getElementById('states').addEventListener('click', e => {
		const link = e.target.closest('[data-state]');
		if (!link || e.ctrlKey || e.metaKey) return;
		e.preventDefault();
		for (const other of document.querySelectorAll('#states [aria-current]')) other.removeAttribute('aria-current');
		link.setAttribute('aria-current', 'true');
		link.dataset.state ? query.set('state', link.dataset.state) : query.delete('state');
		narrow();
	});
	view.querySelector('thead').addEventListener('click', e => {
		const link = e.target.closest('[data-sort]');
		if (!link || e.ctrlKey || e.metaKey) return;
		e.preventDefault();
		const by = link.dataset.sort, is = (query.get('sort') || 'name') === by;
		const down = is ? !query.has('down') : ['restarts', 'cpu', 'memory'].includes(by);
		by === 'name' ? query.delete('sort') : query.set('sort', by);
		down ? query.set('down', '1') : query.delete('down');
		for (const th of view.querySelectorAll('th[aria-sort]')) th.ariaSort = 'none';
		link.closest('th').ariaSort = down ? 'descending' : 'ascending';
		narrow();
	});
	const count = () => { const out = document.getElementById('chosen'); if (out) out.textContent = chosen.size ? '(' + chosen.size + ')' : ''; };
	body.addEventListener('change', e => {
		e.target.checked ? chosen.add(e.target.value) : chosen.delete(e.target.value);
		count();
	});
	form.addEventListener('formdata', e => {
		e.formData.delete('name');
		for (const name of chosen) e.formData.append('name', name);
	});
	for (const box of body.querySelectorAll('input:checked')) chosen.add(box.value); // by the browser, when it came back
	count();
	const soon = atMost(1000, anew);
	follow(() => '/v1/events', eventTypes, soon);
	setInterval(() => { if (!document.hidden) anew(); }, 15000);
	anew();
}
const rows = document.getElementById('rows');
if (rows) list(rows);

// The output of a service, as it comes.
function tail(log) {
	const form = document.getElementById('log-filter'), box = document.getElementById('follow'), wrong = document.getElementById('log-wrong');
	const most = 2000;
	let lines = [], due = false, anew = true;
	box.parentElement.hidden = false;
	const put = () => {
		due = false;
		if (anew) log.replaceChildren();
		anew = false;
		log.append(...lines.slice(-most).map(line => {
			const div = document.createElement('div'), time = document.createElement('time');
			if (line.stream) div.className = line.stream;
			time.dateTime = line.time;
			time.textContent = new Date(line.time).toLocaleTimeString('en-GB');
			div.append(time, ' ' + line.line);
			return div;
		}));
		lines = [];
		while (log.childElementCount > most) log.firstElementChild.remove();
		if (box.checked) log.scrollTop = log.scrollHeight;
	};
	const url = () => {
		const ask = new URLSearchParams({ limit: 200 }), asked = new FormData(form);
		for (const name of ['grep', 'stream']) if (asked.get(name)) ask.set(name, asked.get(name));
		anew = true;
		return log.dataset.source + '?' + ask;
	};
	if (!wrong.hidden) return;
	const source = follow(url, ['line'], e => {
		lines.push(JSON.parse(e.data));
		if (lines.length > 2 * most) lines = lines.slice(-most);
		if (!due) { due = true; requestAnimationFrame(put); }
	});
	log.scrollTop = log.scrollHeight;
	log.addEventListener('scroll', () => { box.checked = log.scrollTop + log.clientHeight > log.scrollHeight - 8; }, { passive: true });
	box.addEventListener('change', () => { if (box.checked) log.scrollTop = log.scrollHeight; });
	const again = after(300, async () => {
		const asked = await fetch(url()); // which says what is wrong with an expression; a stream could not
		wrong.hidden = asked.ok;
		if (!asked.ok) { wrong.textContent = (await asked.json()).detail; return; }
		const found = await asked.json();
		if (!found.lines.length) {
			const none = document.createElement('p');
			none.className = 'empty';
			none.textContent = 'No line matches so far.';
			log.replaceChildren(none);
		}
		source.again();
	});
	form.addEventListener('input', e => { if (e.target !== box) again(); });
	form.addEventListener('submit', e => { e.preventDefault(); again(); });
}
const log = document.getElementById('log');
if (log) tail(log);

// The spec: what is wrong with it, and what would change, while it is written.
function editor(form) {
	const text = form.elements.text;
	let turn = 0;
	const check = after(400, async () => {
		if (form.elements.name && !form.elements.name.value) return;
		const of = ++turn, fields = new URLSearchParams(new FormData(form));
		fields.set('do', 'check');
		const answer = await fetch(form.action, { method: 'POST', body: fields }).catch(() => null);
		if (!answer || of !== turn) return;
		const page = new DOMParser().parseFromString(await answer.text(), 'text/html'), now = page.getElementById('draft');
		if (of === turn && now) document.getElementById('draft').replaceChildren(...document.adoptNode(now).childNodes);
	});
	form.addEventListener('input', check);
	form.addEventListener('click', e => { // to where it is wrong
		const fault = e.target.closest('.fault');
		if (!fault || !+fault.dataset.line) return;
		const lines = text.value.split('\n'), line = fault.dataset.line - 1;
		const at = lines.slice(0, line).join('\n').length + (line > 0 ? 1 : 0) + Math.max(0, fault.dataset.column - 1);
		text.focus();
		text.setSelectionRange(at, at + 1);
	});
}
const form = document.getElementById('editor');
if (form) editor(form);
