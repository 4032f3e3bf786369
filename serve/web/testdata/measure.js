// Scrolls through all rows and filters them as a person would, and measures.
(async () => {
	const view = document.getElementById('rows'), filter = document.getElementById('filter');
	const count = +view.dataset.total, name = 'service-' + String(count - 1).padStart(5, '0');
	const frame = () => new Promise(requestAnimationFrame);
	const found = { Still: [], Scroll: [], Draw: [], Filter: [], Wrong: '' };
	performance.clearMeasures();
	let last = await frame();
	for (let i = 0; i < 50; i++) {
		const now = await frame();
		found.Still.push(now - last);
		last = now;
	}
	const steps = 150, end = view.scrollHeight - view.clientHeight;
	for (let i = 1; i <= steps; i++) {
		view.scrollTop = end * i / steps;
		const now = await frame();
		found.Scroll.push(now - last);
		last = now;
		if (document.querySelectorAll('#rows tbody tr').length > 200) found.Wrong = 'there are rows for what is not visible';
	}
	found.Draw = performance.getEntriesByName('draw').map(m => m.duration);
	for (let i = 0; i < 500 && !view.textContent.includes(name); i++) await frame();
	if (!view.textContent.includes(name)) found.Wrong = 'the last service is not at the end';
	const until = async is => {
		const began = performance.now();
		while (!is() && performance.now() - began < 10000) await frame();
		if (!is()) found.Wrong = 'the filter has no effect: ' + document.getElementById('total').textContent;
		return performance.now() - began;
	};
	const all = count + ' services';
	for (const [text, total] of [['service-0', all], ['service-000', '100 services'], ['service-0001', '10 services'], ['nothing', '0 services'], ['--number 471"', '0 services'], ['--number 471', count > 4710 ? '11 services' : '1 service'], ['', all]]) {
		filter.value = text;
		filter.dispatchEvent(new Event('input', { bubbles: true }));
		const took = await until(() => document.getElementById('total').textContent === total);
		if (text !== 'service-0') found.Filter.push(took); // which changes nothing
	}
	return JSON.stringify(found);
})()
