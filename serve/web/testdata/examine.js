// Looks for what keeps people out of a page, and returns what it finds.
(() => {
	const found = [];
	const name = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + (e.className && e.className.baseVal === undefined ? '.' + String(e.className).trim().replace(/\s+/g, '.') : '') + ' ' + JSON.stringify((e.textContent || e.name || '').trim().slice(0, 30));
	const visible = e => {
		if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
		const box = e.getBoundingClientRect();
		return box.width > 1 && box.height > 1;
	};

	// The document.
	if (!document.documentElement.lang) found.push('the page has no language');
	if (!document.title) found.push('the page has no title');
	if (document.querySelectorAll('main').length !== 1) found.push('the page has not one main');
	const ids = new Set();
	for (const e of document.querySelectorAll('[id]')) {
		if (ids.has(e.id)) found.push('the id ' + e.id + ' is there twice');
		ids.add(e.id);
	}
	for (const e of document.querySelectorAll('[aria-labelledby], [aria-describedby]'))
		for (const id of ((e.getAttribute('aria-labelledby') || '') + ' ' + (e.getAttribute('aria-describedby') || '')).trim().split(/\s+/)) if (!ids.has(id)) found.push(name(e) + ' is labelled by ' + id + ', which is not there');
	let level = 0;
	const headings = [...document.querySelectorAll('h1, h2, h3, h4')].filter(visible);
	if (headings.filter(h => h.tagName === 'H1').length !== 1) found.push('there is not one first heading');
	for (const h of headings) {
		const is = +h.tagName[1];
		if (is > level + 1) found.push('heading ' + name(h) + ' leaves out a level');
		level = is;
	}

	// Names.
	const label = e => {
		const by = e.getAttribute('aria-labelledby');
		return (e.getAttribute('aria-label') || (by && by.split(/\s+/).map(id => document.getElementById(id)?.textContent).join(' ')) || '').trim();
	};
	for (const e of document.querySelectorAll('input:not([type=hidden]):not([hidden]), select, textarea'))
		if (!label(e) && ![...(e.labels || [])].some(l => l.textContent.trim())) found.push(name(e) + ' has no label');
	for (const e of document.querySelectorAll('button, a[href], summary'))
		if (!label(e) && !e.textContent.trim() && !e.querySelector('img[alt]:not([alt=""])')) found.push(name(e) + ' has no text');
	for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) found.push(name(e) + ' has no alt text');
	for (const e of document.querySelectorAll('svg')) if (!label(e) && e.ariaHidden !== 'true') found.push('a picture has no label');
	for (const e of document.querySelectorAll('[role=region], [role=log], nav, form[role=search]')) if (!label(e)) found.push(name(e) + ' is a landmark without a label');
	for (const e of document.querySelectorAll('th')) if (!e.scope) found.push(name(e) + ' says not what it heads');
	for (const e of document.querySelectorAll('ul, ol')) for (const c of e.children) if (c.tagName !== 'LI') found.push(name(c) + ' is no item of its list');

	// The focus: it goes as one reads, reaches what scrolls, and can be seen.
	const reached = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter(e => e.tabIndex >= 0 && !e.disabled && e.type !== 'hidden' && (visible(e) || e.classList.contains('skip')));
	for (const e of reached) if (e.tabIndex > 0) found.push(name(e) + ' has a tabindex of its own');
	for (const e of document.querySelectorAll('main *')) {
		const style = getComputedStyle(e);
		if (/(auto|scroll)/.test(style.overflowY + style.overflowX) && (e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1) && e.tabIndex < 0 && !e.querySelector('a[href], button, input')) found.push(name(e) + ' scrolls, and no key reaches it');
	}
	if (!reached[0] || !reached[0].classList.contains('skip')) found.push('what comes first is not the way to the content');
	const was = document.activeElement;
	for (const e of reached.filter(e => !e.closest('svg')).slice(0, 40)) {
		e.focus({ preventScroll: true, focusVisible: true });
		const style = getComputedStyle(e);
		if (document.activeElement === e && (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2)) found.push('the focus cannot be seen on ' + name(e));
	}
	if (was && was !== document.body) was.focus({ preventScroll: true }); else document.activeElement?.blur();

	// Contrast of text, WCAG AA: 4.5, or 3 for what is large. And of what buttons and
	// fields are bounded by: 3.
	const colour = text => {
		const n = text.match(/[\d.]+/g);
		return n ? [+n[0], +n[1], +n[2], n[3] === undefined ? 1 : +n[3]] : [0, 0, 0, 0];
	};
	const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
	const light = c => {
		const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const ground = e => {
		const layers = [];
		for (; e; e = e.parentElement) layers.push(colour(getComputedStyle(e).backgroundColor));
		return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
	};
	const told = new Set();
	for (const e of document.querySelectorAll('body *')) {
		if (!visible(e) || e.closest('.skip')) continue;
		const style = getComputedStyle(e);
		const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
		if (own || e.tagName === 'text') {
			const svg = e.tagName === 'text';
			const is = contrast(over(colour(svg ? style.fill : style.color), ground(e)), ground(e));
			const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
			if (is < (large ? 3 : 4.5)) told.add('contrast ' + is.toFixed(2) + ' of ' + name(e));
		}
		if (/^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(e.tagName) && e.type !== 'checkbox' && style.borderStyle !== 'none') {
			const is = contrast(over(colour(style.borderTopColor), ground(e.parentElement)), ground(e.parentElement));
			if (is < 3) told.add('contrast ' + is.toFixed(2) + ' of the edge of ' + name(e));
		}
	}
	return found.concat([...told]);
})()
