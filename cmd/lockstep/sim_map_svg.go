package main

import (
	"cmp"
	"fmt"
	"html"
	"strings"
	"time"

	"lockstep/sim/scenario"
)

// Sizes of a drawn map, in pixels.
const (
	cellWidth, cellHeight   = 72, 32
	marginLeft, marginAbove = 84, 92
	marginBelow, gapBetween = 64, 40
)

// mapSVG draws maps one below the other. It needs no style sheet and no script.
func mapSVG(maps []*simMap) string {
	columns, rows := len(maps[0].Cells[0]), len(maps[0].Cells)
	width := max(marginLeft+columns*cellWidth+24, 620)
	panel := marginAbove + rows*cellHeight + marginBelow
	height := len(maps)*(panel+gapBetween) - gapBetween
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="13" fill="#222">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>%s: recovery by load and length of the dip</title>\n", html.EscapeString(maps[0].Name))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	for i, m := range maps {
		fmt.Fprintf(&b, `<g transform="translate(0 %d)">`+"\n", i*(panel+gapBetween))
		m.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws one map with its heading and axes.
func (m *simMap) draw(b *strings.Builder) {
	columns, rows := len(m.Cells[0]), len(m.Cells)
	text := func(x, y int, attributes, s string) {
		fmt.Fprintf(b, `<text x="%d" y="%d" %s>%s</text>`+"\n", x, y, attributes, html.EscapeString(s))
	}
	text(20, 28, `font-size="16" font-weight="600"`, m.heading())
	text(20, 50, `fill="#555"`, clip(cmp.Or(m.Off, m.property), 84))
	text(20, 72, `fill="#555"`, fmt.Sprintf("time from the end of the dip to recovery; watched for %s; %d of %d stay down", time.Duration(m.Watched), m.down(), rows*columns))
	for i, row := range m.Cells {
		y := marginAbove + (rows-1-i)*cellHeight
		text(marginLeft-10, y+21, `text-anchor="end"`, percentOf(row[0].Load))
		for k := range row {
			x := marginLeft + k*cellWidth
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="3" fill="%s"/>`+"\n", x+1, y+1, cellWidth-2, cellHeight-2, shade(&row[k]))
			text(x+cellWidth/2, y+21, `text-anchor="middle"`, recoveryOf(&row[k]))
		}
	}
	bottom := marginAbove + rows*cellHeight
	for k := range m.Cells[0] {
		text(marginLeft+k*cellWidth+cellWidth/2, bottom+20, `text-anchor="middle"`, time.Duration(m.Cells[0][k].Dip).String())
	}
	text(marginLeft+columns*cellWidth/2, bottom+44, `text-anchor="middle" fill="#555"`, "length of the dip")
	text(24, marginAbove+rows*cellHeight/2, fmt.Sprintf(`text-anchor="middle" fill="#555" transform="rotate(-90 24 %d)"`, marginAbove+rows*cellHeight/2),
		fmt.Sprintf("load (100%% is %d/s)", m.capacity))
}

func (m *simMap) heading() string {
	if m.Off == "" {
		return m.Name
	}
	return m.Name + ", the twin without:"
}

// shade goes from green, for at once, to yellow, for half a minute and more; red stays down.
func shade(c *scenario.Cell) string {
	if c.Down {
		return "#f2b5ae"
	}
	part := int(time.Duration(c.Recovery) * 100 / (30 * time.Second))
	return fmt.Sprintf("hsl(%d,60%%,86%%)", 130-85*min(part, 100)/100)
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
