"""Draws charts with plotly, for the screen. The only module that knows plotly."""

from __future__ import annotations

import html

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from diagnostics.messages import write
from diagnostics.report.figures import BandChart, Chart, CurveChart, IntervalChart, Look, MonthChart, PartsChart, nice_ticks

__all__ = ["figure"]

_SYMBOLS = {
    "circle": "circle",
    "square": "square",
    "triangle": "triangle-up",
    "diamond": "diamond",
    "line": "line-ns-open",
    "cross": "x",
    "star": "star",
}
_GLYPHS = {"circle": "●", "square": "■", "triangle": "▲", "diamond": "◆", "line": "▌", "cross": "✕", "star": "★"}
_FONT = "system-ui, -apple-system, Segoe UI, Hiragino Sans, Yu Gothic UI, Meiryo, Noto Sans CJK JP, sans-serif"
_INK = {"light": "#1b2530", "dark": "#e8edf2"}
_QUIET = {"light": "#55606c", "dark": "#a5b0bb"}
_GRID = {"light": "#dde2e7", "dark": "#36414c"}
_AXIS_FORMAT = {"percent": "axis_percent", "points": "axis_points"}
_BAND_COLOURS = ("#9AA5B1", "#56B4E9", "#0072B2")


def figure(chart: Chart, lang: str, theme: str = "light") -> go.Figure:
    """The chart as a plotly figure. ``theme`` is ``light`` or ``dark``; a user's words are escaped, plotly reads some HTML."""
    if isinstance(chart, IntervalChart):
        drawn = _intervals(chart, lang, theme)
    elif isinstance(chart, CurveChart):
        drawn = _curves(chart, lang, theme)
    elif isinstance(chart, MonthChart):
        drawn = _months(chart, theme)
    elif isinstance(chart, PartsChart):
        drawn = _parts(chart, theme)
    else:
        drawn = _bands(chart, theme)
    return drawn.update_layout(
        font={"color": _INK[theme], "size": 13, "family": _FONT},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"namelength": -1},
        dragmode=False,
    )


def _safe(words: str, limit: int = 28) -> str:
    return html.escape(words if len(words) <= limit else words[: limit - 1] + "…")


def _ink(look: Look, theme: str) -> str:
    return "#d5dbe1" if look.marker == "line" and theme == "dark" else look.colour


def _marked(words: str, look: Look, theme: str, limit: int = 36) -> str:
    """A label behind its colour and marker, in the little HTML that plotly reads."""
    return f'<span style="color:{_ink(look, theme)}">{_GLYPHS[look.marker]}</span> {_safe(words, limit)}'


def _axis(values: tuple[float, ...], how: str, lang: str) -> dict[str, object]:
    return {"tickvals": values, "ticktext": [write(value, _AXIS_FORMAT.get(how, how), lang) for value in values]}


def _intervals(chart: IntervalChart, lang: str, theme: str) -> go.Figure:
    drawn = go.Figure()
    low, high = chart.domain
    places = list(range(len(chart.entries)))
    for place, row in enumerate(chart.entries):
        if isinstance(row, str) or row.value is None:
            continue
        colour = _ink(row.look, theme)
        spread = None
        if row.low is not None and row.high is not None:
            spread = {
                "type": "data",
                "symmetric": False,
                "array": [row.high - row.value],
                "arrayminus": [row.value - row.low],
                "color": _INK[theme],
                "thickness": 1.6,
                "width": 4,
            }
        said = {"hovertemplate": f"{_safe(row.label, 60)}: {row.text}<extra></extra>", "showlegend": False}
        if chart.kind == "bar":
            drawn.add_bar(x=[row.value], y=[place], orientation="h", width=0.52, marker_color=colour, error_x=spread, **said)
        else:
            marker = {"color": colour, "size": 13, "symbol": _SYMBOLS[row.look.marker], "line": {"width": 3, "color": colour}}
            drawn.add_scatter(x=[row.value], y=[place], mode="markers", marker=marker, error_x=spread, **said)
        edge = max(value for value in (row.value, row.high, row.floor) if value is not None)
        drawn.add_annotation(
            x=edge, y=place, text=f"<b>{row.text}</b>", showarrow=False, xanchor="left", xshift=9, font={"color": _INK[theme]}
        )
        if row.floor is not None:
            drawn.add_shape(
                type="line", x0=row.floor, x1=row.floor, y0=place - 0.36, y1=place + 0.36, line={"color": _INK[theme], "width": 3}
            )
    for label, value in chart.lines:
        drawn.add_vline(x=value, line={"color": _QUIET[theme], "dash": "dash", "width": 1.5})
        drawn.add_annotation(x=value, y=1, yref="paper", yanchor="bottom", text=_safe(label, 60), showarrow=False, font_size=12)
    if chart.floor_label:
        drawn.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=chart.floor_label,
            marker={"symbol": "line-ns-open", "size": 14, "color": _INK[theme], "line_width": 3},
        )
    ticks = tuple(tick for tick in nice_ticks(low, high) if low - 1e-9 <= tick <= high + 1e-9)
    grid = {
        "gridcolor": _GRID[theme],
        "zerolinecolor": _QUIET[theme],
        "tickfont": {"color": _QUIET[theme]},
        "title_font": {"color": _QUIET[theme], "size": 13},
    }
    drawn.update_xaxes(
        title=chart.axis, range=[low, low + (high - low) * 1.1], fixedrange=True, **grid, **_axis(ticks, chart.how, lang)
    )
    drawn.update_yaxes(
        tickvals=places,
        ticktext=[
            f"<b>{_safe(row, 60)}</b>  " if isinstance(row, str) else _marked(row.label, row.look, theme) + "  "
            for row in chart.entries
        ],
        tickfont={"size": 14},
        range=[len(places) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        automargin=True,
    )
    bottom = 88 if chart.floor_label else 56
    return drawn.update_layout(
        height=40 * len(places) + bottom + 28,
        margin={"l": 8, "r": 64, "t": 28, "b": bottom},
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        showlegend=bool(chart.floor_label),
        bargap=0.3,
    )


def _curves(chart: CurveChart, lang: str, theme: str) -> go.Figure:
    columns = chart.columns
    rows = max(-(-len(chart.panels) // columns), 1)
    drawn = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=0.28 / rows,
        subplot_titles=[_marked(panel.title, panel.look, theme, 24) for panel in chart.panels],
    )
    named: set[str] = set()
    for index, panel in enumerate(chart.panels):
        where = {"row": index // columns + 1, "col": index % columns + 1}
        colour = _ink(panel.look, theme)
        for curve in panel.curves:
            dash = curve.dash[0]
            for seed in curve.seeds if panel.shows_seeds else ():
                x, y = zip(*seed, strict=True) if seed else ((), ())
                thin = {"color": colour, "width": 1, "dash": dash}
                drawn.add_scatter(x=x, y=y, mode="lines", line=thin, opacity=0.45, hoverinfo="skip", showlegend=False, **where)
            x, y = zip(*curve.mean, strict=True) if curve.mean else ((), ())
            said = [f"{_safe(panel.title)}, {_safe(curve.label, 60)}: {write(value, chart.how, lang)}" for value in y]
            marker = {"symbol": _SYMBOLS[panel.look.marker], "size": 9, "color": colour}
            thick = {"color": colour, "width": 3, "dash": dash}
            drawn.add_scatter(x=x, y=y, mode="lines", line=thick, text=said, hoverinfo="text", showlegend=False, **where)
            if x:
                end = {"x": x[-1:], "y": y[-1:], "mode": "markers", "marker": marker, "cliponaxis": False}
                drawn.add_scatter(**end, hoverinfo="skip", showlegend=False, **where)
            if curve.label not in named:
                named.add(curve.label)
                key = {"color": _INK[theme], "width": 3, "dash": dash}
                drawn.add_scatter(x=[None], y=[None], mode="lines", line=key, name=_safe(curve.label, 60), **where)
    low, high = chart.domain
    ticks = nice_ticks(low, high)
    drawn.update_yaxes(
        range=[low, high * 1.02],
        fixedrange=True,
        automargin=True,
        gridcolor=_GRID[theme],
        zerolinecolor=_QUIET[theme],
        **_axis(ticks, chart.how, lang),
    )
    drawn.update_xaxes(
        range=[0.5, max(chart.last_epoch, 2) + 0.5], fixedrange=True, showgrid=False, nticks=5, tickfont={"color": _QUIET[theme]}
    )
    drawn.update_xaxes(title=chart.x_axis, title_font={"color": _QUIET[theme], "size": 13}, row=rows)
    return drawn.update_layout(
        height=250 * rows + 90,
        margin={"l": 8, "r": 8, "t": 38, "b": 84},
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
    )


def _bands(chart: BandChart, theme: str) -> go.Figure:
    drawn = go.Figure()
    for index, (band, (start, width)) in enumerate(zip(chart.bands, chart.drawn(0.22), strict=True)):
        said = f"{_safe(band.label, 60)}: {_safe(band.text, 60)}"
        drawn.add_bar(
            x=[width - 0.004],
            y=[0],
            base=start,
            orientation="h",
            name=said,
            marker_color=_BAND_COLOURS[index % 3],
            hoverinfo="name",
        )
        lines = (chart.borders[index] if chart.borders else "", f"<b>{_safe(band.label)}</b><br>{_safe(band.text)}")
        for y, anchor, words in ((0.5, "bottom", lines[0]), (-0.5, "top", lines[1])):
            drawn.add_annotation(x=start, y=y, xanchor="left", yanchor=anchor, align="left", text=words, showarrow=False)
    if chart.borders:
        drawn.add_annotation(x=1, y=0.5, yanchor="bottom", text=_safe(chart.borders[-1]), showarrow=False, xanchor="right")
    drawn.update_xaxes(visible=False, fixedrange=True, range=[0, 1])
    drawn.update_yaxes(visible=False, fixedrange=True, range=[-2.4, 1.4])
    return drawn.update_layout(barmode="overlay", height=130, margin={"l": 0, "r": 0, "t": 4, "b": 4}, showlegend=False)


def _months(chart: MonthChart, theme: str) -> go.Figure:
    rows = max(len(chart.rows), 1)
    drawn = make_subplots(
        rows=rows,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.34 / (rows + 1),
        subplot_titles=[_marked(row.title, row.look, theme) for row in chart.rows],
    )
    places = list(range(len(chart.months)))
    for index, row in enumerate(chart.rows, 1):
        said = [f"{_safe(row.title)}, {_safe(month)}: {text}" for month, text in zip(chart.months, row.texts, strict=True)]
        drawn.add_bar(
            x=places,
            y=row.shares,
            marker_color=_ink(row.look, theme),
            text=said,
            textposition="none",
            hoverinfo="text",
            showlegend=False,
            row=index,
            col=1,
        )
    drawn.update_annotations(x=0, xanchor="left", font_size=13)
    drawn.update_yaxes(
        range=[0, 1.02],
        automargin=True,
        tickvals=[0, 1],
        ticktext=["0%", "100%"],
        fixedrange=True,
        gridcolor=_GRID[theme],
        zerolinecolor=_QUIET[theme],
    )
    named = chart.named()
    drawn.update_xaxes(
        tickvals=named,
        ticktext=[_safe(chart.months[place]) for place in named],
        tickangle=0,
        range=[-0.6, len(places) - 0.4],
        fixedrange=True,
        showgrid=False,
        tickfont={"color": _QUIET[theme]},
    )
    return drawn.update_layout(height=96 * rows + 46, margin={"l": 8, "r": 8, "t": 28, "b": 30}, bargap=0.2)


def _parts(chart: PartsChart, theme: str) -> go.Figure:
    drawn = go.Figure()
    for place, whole in enumerate(chart.wholes):
        drawn.add_annotation(
            x=0, y=place - 0.18, xanchor="left", yanchor="bottom", text=f"<b>{_safe(whole.title, 70)}</b>", showarrow=False
        )
        said = []
        for part, (start, width) in zip(whole.parts, whole.drawn, strict=True):
            words = f"{_safe(part.label, 60)} {part.text}"
            said.append(f'<span style="color:{_ink(part.look, theme)}">{_GLYPHS[part.look.marker]}</span> {words}')
            drawn.add_bar(
                x=[max(width - 0.003, 0.0)],
                y=[place],
                base=start,
                width=0.28,
                orientation="h",
                marker_color=_ink(part.look, theme),
                name=words,
                hoverinfo="name",
            )
        lines = [" \u2003".join(said[at : at + 2]) for at in range(0, len(said), 2)]
        drawn.add_annotation(
            x=0, y=place + 0.18, xanchor="left", yanchor="top", align="left", text="<br>".join(lines), showarrow=False
        )
    drawn.update_xaxes(visible=False, fixedrange=True, range=[0, 1])
    drawn.update_yaxes(visible=False, fixedrange=True, range=[len(chart.wholes) - 0.3, -0.45])
    return drawn.update_layout(
        barmode="overlay", height=136 * len(chart.wholes) + 8, margin={"l": 0, "r": 0, "t": 4, "b": 4}, showlegend=False
    )
