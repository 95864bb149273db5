/* meter.js - the three measurements above a conversation: the size of the state beside the length of the text, the time
 * of each token, and the memory of the server. */

const POINTS = 160; /* of a line; older ones are merged in pairs */
const SPAN = 120, LEAST = 10; /* milliseconds of a point, and of an answer too short for one */

/* steps: tokens of the text after each of its turns; text: tokens now; state: bytes; recent: milliseconds per token */
const meter = { steps: [], time: [], memory: [], text: 0, state: 0, recent: 0 };

function addPoint(points, x, y) {
    points.push([x, y]);
    if (points.length > POINTS)
        for (let i = 0; i < points.length - 1; i++) points.splice(i, 2, points[i + 1]);
}

/* Lines [class, points, height of the largest value], each with its own scale. The vertical axis begins at 0, so that
 * noise is not magnified and a flat line is flat. */
function drawLines(svg, ...lines) {
    svg.replaceChildren();
    for (const [name, points, height] of lines) {
        if (!points.length) continue;
        const first = points[0][0], width = points[points.length - 1][0] - first;
        const top = Math.max(...points.map(p => p[1])) / height || 1;
        const at = points.map(p => [width ? 2 + 116 * (p[0] - first) / width : 118, 26 - 24 * p[1] / top]);
        if (at.length === 1) at.unshift([2, at[0][1]]);
        const text = at.map(([x, y]) => x.toFixed(1) + ',' + y.toFixed(1)).join(' ');
        svg.append(makeSvg('polyline', { class: name, points: text }));
    }
}

function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
}

function showMeter() {
    const { memory, state, text } = meter;
    const time = meter.time.filter(p => p[0] <= text); /* others are of turns that going back has left */
    const read = text ? [0, ...meter.steps.filter(y => y < text), text].map((y, i) => [i, y]) : [];
    find('state-size').textContent = state ? sayBytes(state) : '–';
    find('state-note').textContent = text ? say('stateNote', { n: text }) : say('stateEmpty');
    drawLines(find('state-line'), ['text', read, 0.95], ['value', read.map(p => [p[0], state]), 0.5]);
    if (time.length) meter.recent = median(time.slice(-8).map(p => p[1]));
    const recent = meter.recent;
    find('token-time').textContent = recent ? sayNumber(recent) + ' ms' : '–';
    find('time-note').textContent = recent ? say('timeNote', { n: Math.round(1000 / recent) }) : say('timeEmpty');
    drawLines(find('time-line'), ['value', time, 0.8]);
    const last = memory.length ? memory[memory.length - 1][1] : 0, more = memory.length ? last - memory[0][1] : 0;
    find('memory-size').textContent = last ? sayBytes(last) : '–';
    const note = more > 5e4 ? say('memoryNote', { more: sayBytes(more) }) : say('memorySame');
    find('memory-note').textContent = last ? note : '';
    drawLines(find('memory-line'), ['value', memory, 0.6]);
}

async function measureMemory() {
    try {
        addPoint(meter.memory, performance.now(), await readMetric('wkv_memory_resident_bytes'));
    } catch {
        return; /* the request that matters reports a server that is gone */
    }
    showMeter();
}

/* The shown text. */
function setText(steps) {
    meter.steps = steps;
    meter.text = steps.length ? steps[steps.length - 1] : 0;
    showMeter();
}

/* The text continues from `tokens` tokens: points after them belong to another branch. -1: another conversation. */
function cutMeter(tokens) {
    meter.time = meter.time.filter(p => p[0] <= tokens);
}

/* The kept text has fewer tokens than `usage` says, which counts those of the stop string. */
function endMeter(steps) {
    setText(steps);
    for (const p of meter.time) p[0] = Math.min(p[0], meter.text);
    showMeter();
}

/* Measure an answer whose prompt has `before` tokens, as far as they are known: count() for each event with text,
 * end(usage) with the exact numbers. */
function measureAnswer(before) {
    let tokens = 0, latest = 0, mark = 0, marked = 0;
    cutMeter(before);
    const poll = setInterval(measureMemory, 1000);
    const point = text => {
        addPoint(meter.time, text, (latest - mark) / (tokens - marked));
        [mark, marked] = [latest, tokens];
    };
    return {
        count() {
            latest = performance.now();
            if (!tokens++) [mark, marked] = [latest, 1];
            if (latest - mark < SPAN || tokens - marked < 8) return;
            point(before + tokens);
            meter.text = before + tokens;
            showMeter();
        },
        end(usage) {
            clearInterval(poll);
            if (usage) {
                if (marked === 1 && latest - mark > LEAST) point(usage.total_tokens);
                meter.text = usage.total_tokens;
            }
            measureMemory();
        },
    };
}
