/** The course of a blackout's end as a picture (SVG): how many call in each second, and how many are not back. */
import { backAt, type Course } from './scenario.ts'

/** A line of the plot. */
export type Curve = {
  readonly name: string
  readonly colour: string
  readonly dashed: boolean
  readonly course: Pick<Course, 'backMs' | 'out'> & { readonly begun: Course['begun'] | null }
}

/** What the plot says besides its curves. */
export type PlotText = { readonly title: string; readonly subtitle: string; readonly capacityPerS: number; readonly devices: number }

const WIDTH = 1080
const LEFT = 86
const RIGHT = 270
const TOP = 100
const PANEL = 270
const GAP = 64
const HEIGHT = TOP + 2 * PANEL + GAP + 62
const POINTS = 420
const DECADES = 6

type Frame = { readonly top: number; readonly seconds: number }

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const x = (second: number, { seconds }: Frame): number => LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT)
const round = (value: number): string => value.toFixed(1)

const text = (at: readonly [number, number], content: string, style = ''): string =>
  `<text x="${round(at[0])}" y="${round(at[1])}" ${style}>${escaped(content)}</text>`

const line = (from: readonly [number, number], to: readonly [number, number], style: string): string =>
  `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" ${style}/>`

const GRID = 'stroke="#e3e3e3"'
const AXIS = 'stroke="#444"'
const END = 'text-anchor="end"'
const MIDDLE = 'text-anchor="middle"'

/** The highest of each of so many stretches of seconds. */
function highest(values: readonly number[], seconds: number): readonly (readonly [second: number, value: number])[] {
  const step = Math.max(1, Math.ceil(seconds / POINTS))
  const points: [number, number][] = []
  for (let second = 0; second < Math.min(values.length, seconds); second += step) {
    points.push([second, Math.max(...values.slice(second, second + step))])
  }
  return points
}

const path = (points: readonly (readonly [number, number])[], { colour, dashed }: Curve): string =>
  `<polyline fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round"${dashed ? ' stroke-dasharray="7 5"' : ''} points="${points
    .map(([px, py]) => `${round(px)},${round(py)}`)
    .join(' ')}"/>`

/** Below one there is nothing on a logarithmic scale: it lies on the axis. */
const logarithmic = (value: number, { top }: Frame): number => top + PANEL - (Math.log10(Math.max(1, value)) / DECADES) * PANEL

const linear = (value: number, most: number, { top }: Frame): number => top + PANEL - (value / most) * PANEL

/** A step of 1, 2 or 5 times a power of ten, so that there are some six. */
function niceStep(most: number): number {
  const rough = most / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough
}

function frame(frameOf: Frame, heading: string): string {
  const bottom = frameOf.top + PANEL
  const minutes = frameOf.seconds / 60
  const ticks: string[] = []
  for (let minute = 0; minute <= minutes; minute += niceStep(minutes)) {
    const at = x(minute * 60, frameOf)
    ticks.push(line([at, frameOf.top], [at, bottom], GRID), text([at, bottom + 18], String(Math.round(minute * 10) / 10), MIDDLE))
  }
  return [
    text([LEFT, frameOf.top - 12], heading, 'font-weight="bold"'),
    ...ticks,
    line([LEFT, bottom], [WIDTH - RIGHT, bottom], AXIS),
    line([LEFT, frameOf.top], [LEFT, bottom], AXIS),
  ].join('\n')
}

function callsPanel(curves: readonly Curve[], { capacityPerS }: PlotText, frameOf: Frame): string {
  const grid = Array.from({ length: DECADES + 1 }, (_, decade) => {
    const at = logarithmic(10 ** decade, frameOf)
    return line([LEFT, at], [WIDTH - RIGHT, at], GRID) + text([LEFT - 8, at + 4], (10 ** decade).toLocaleString('en'), END)
  })
  const paths = curves.flatMap((curve) => {
    if (curve.course.begun === null) return []
    const points = highest(curve.course.begun, frameOf.seconds)
    return [
      path(
        points.map(([second, value]) => [x(second, frameOf), logarithmic(value, frameOf)] as const),
        curve,
      ),
    ]
  })
  const capacity = logarithmic(capacityPerS, frameOf)
  return [
    frame(frameOf, 'Calls begun in a second (the highest of each stretch; logarithmic)'),
    ...grid,
    ...paths.toReversed(),
    line([LEFT, capacity], [WIDTH - RIGHT, capacity], 'stroke="#2b7a3d" stroke-width="1.4"'),
    text([WIDTH - RIGHT + 8, capacity + 4], `capacity: ${Math.round(capacityPerS).toLocaleString('en')}/s`, 'fill="#2b7a3d"'),
  ].join('\n')
}

function backlogPanel(curves: readonly Curve[], { devices }: PlotText, frameOf: Frame): string {
  const grid: string[] = []
  for (let count = 0; count <= devices; count += niceStep(devices)) {
    const at = linear(count, devices, frameOf)
    grid.push(line([LEFT, at], [WIDTH - RIGHT, at], GRID), text([LEFT - 8, at + 4], count.toLocaleString('en'), END))
  }
  const paths = curves.map((curve) => {
    const points = [[0, devices] as const, ...highest(curve.course.out, frameOf.seconds).map(([second, out]) => [second + 1, out] as const)]
    return path(
      points.map(([second, out]) => [x(Math.min(second, frameOf.seconds), frameOf), linear(out, devices, frameOf)] as const),
      curve,
    )
  })
  return [
    frame(frameOf, 'Devices that are not back'),
    ...grid,
    ...paths.toReversed(),
    text([LEFT + (WIDTH - LEFT - RIGHT) / 2, frameOf.top + PANEL + 42], 'minutes since the cloud is there again', MIDDLE),
  ].join('\n')
}

function legend(curves: readonly Curve[], top: number): string {
  return curves
    .flatMap((curve, index) => {
      const [left, at] = [WIDTH - RIGHT + 16, top + index * 62]
      const stroke = [left, left + 26].map((px) => [px, at - 4] as const)
      const [first, second] = outcome(curve)
      return [
        path(stroke, curve),
        text([left + 34, at], curve.name, 'font-weight="bold"'),
        text([left + 34, at + 17], first, 'fill="#555"'),
        text([left + 34, at + 34], second, 'fill="#555"'),
      ]
    })
    .join('\n')
}

function outcome({ course }: Curve): readonly [string, string] {
  const half = minutesText(backAt(course, 0.5))
  if (Number.isFinite(backAt(course, 1))) return [`50 % after ${half}`, `all after ${minutesText(backAt(course, 1))}`]
  const back = course.backMs.filter(Number.isFinite).length / course.backMs.length
  return [`${(100 * back).toFixed(0)} % after ${minutesText(course.out.length * 1000)},`, 'where the simulation ends']
}

const minutesText = (ms: number): string => `${(ms / 60_000).toFixed(1)} min`

/** Draws the curves, the first of them on top. The time shown is half as long again as the first takes. */
export function plotBlackout(curves: readonly [Curve, ...Curve[]], words: PlotText): string {
  const seconds = Math.ceil((1.5 * backAt(curves[0].course, 1)) / 1000)
  const [calls, backlog] = [
    { top: TOP, seconds },
    { top: TOP + PANEL + GAP, seconds },
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
${text([LEFT, 30], words.title, 'font-size="19" font-weight="bold"')}
${text([LEFT, 51], words.subtitle, 'fill="#555"')}
${callsPanel(curves, words, calls)}
${backlogPanel(curves, words, backlog)}
${legend(curves, backlog.top + 20)}
</svg>
`
}
