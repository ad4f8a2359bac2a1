package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/sim"
	"lockstep/sim/scenario"
)

// mapFlags ask for a metastability map.
type mapFlags struct {
	axes  string
	cells string
	svg   string
}

func (f *mapFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.axes, "map", "", "run a grid of loads and dips, such as load=50..99%,dip=0..5s, and show how long recovery takes in each (one scenario only)")
	flags.StringVar(&f.cells, "map-cells", "8x6", "how many loads, and how many lengths of the dip")
	flags.StringVar(&f.svg, "map-svg", "", "draw the map here as well")
}

// mapAxes are the loads and lengths of the dip of a map, from the least.
type mapAxes struct {
	loads []scenario.Share
	dips  []scenario.Span
}

// simMap is the map of one scenario, or of its twin.
type simMap struct {
	Name    string            `json:"name"`
	Off     string            `json:"off,omitempty"` // the twin: what is switched off
	Watched scenario.Span     `json:"watched"`       // after each dip
	Cells   [][]scenario.Cell `json:"cells"`         // by load, then by dip

	property string
	capacity uint32
}

func runMap(w io.Writer, args []string, flags simFlags) error {
	paths, err := scenarioPaths(args)
	if err != nil {
		return err
	}
	if len(paths) != 1 {
		return fmt.Errorf("--map takes one scenario, not %d", len(paths))
	}
	axes, err := parseAxes(&flags.grid)
	if err != nil {
		return err
	}
	s, err := loadScenario(paths[0], flags.seed)
	if err != nil {
		return err
	}
	if s.file.Map == nil {
		return fmt.Errorf("%s has no map: say what is varied, such as map: {client: %s, capacity: 200, fault: slow}", s.path, s.file.Clients[0].Name)
	}
	maps, err := drawMaps(s, axes)
	if err != nil {
		return err
	}
	if flags.grid.svg != "" {
		if err := os.WriteFile(flags.grid.svg, []byte(mapSVG(maps)), 0o644); err != nil {
			return fmt.Errorf("writing the map: %w", err)
		}
	}
	if flags.json {
		return writeJSON(w, map[string]any{"maps": maps})
	}
	for _, m := range maps {
		m.print(w)
	}
	return nil
}

// drawMaps runs every cell of a scenario's map, and of its twin's.
func drawMaps(s *scenarioRun, axes *mapAxes) ([]*simMap, error) {
	maps, err := []*simMap{}, error(nil)
	add := func(f *scenario.File, plan *sim.Plan, off string) {
		m := &simMap{Name: f.Name, Off: off, Watched: f.Watched(), property: f.Property, capacity: f.Map.Capacity}
		e := m.run(f, plan, axes)
		maps, err = append(maps, m), errors.Join(err, e)
	}
	add(s.file, s.plan, "")
	if s.twin != nil && s.twin.Map != nil {
		add(s.twin, s.twinPlan, s.file.Twin.Off)
	}
	return maps, err
}

func (m *simMap) run(f *scenario.File, plan *sim.Plan, axes *mapAxes) error {
	columns := len(axes.dips)
	errs := make([]error, len(axes.loads)*columns)
	for range axes.loads {
		m.Cells = append(m.Cells, make([]scenario.Cell, columns))
	}
	inParallel(len(errs), runtime.GOMAXPROCS(0), func(i int) {
		row, column := i/columns, i%columns
		m.Cells[row][column], errs[i] = f.Cell(plan, axes.loads[row], axes.dips[column])
	})
	return errors.Join(errs...)
}

// print shows the map as a table, the highest load on top.
func (m *simMap) print(w io.Writer) {
	fmt.Fprintf(w, "%s%s\n", m.Name, m.without())
	fmt.Fprintf(w, "recovery after the dip, by load (100%% is %d requests/s) and length of the dip; watched for %s after it\n\n", m.capacity, time.Duration(m.Watched))
	fmt.Fprintf(w, "%8s", "load")
	for _, c := range m.Cells[0] {
		fmt.Fprintf(w, "%8s", time.Duration(c.Dip))
	}
	fmt.Fprintln(w)
	for i := len(m.Cells) - 1; i >= 0; i-- {
		fmt.Fprintf(w, "%8s", percentOf(m.Cells[i][0].Load))
		for _, c := range m.Cells[i] {
			fmt.Fprintf(w, "%8s", recoveryOf(&c))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n%d of %d cells stay down\n\n", m.down(), len(m.Cells)*len(m.Cells[0]))
}

func (m *simMap) without() string {
	if m.Off == "" {
		return ""
	}
	return ", the twin without " + m.Off
}

func (m *simMap) down() (n int) {
	for _, row := range m.Cells {
		for _, c := range row {
			if c.Down {
				n++
			}
		}
	}
	return n
}

func percentOf(s scenario.Share) string {
	text, _ := s.MarshalText() // never fails
	return string(text)
}

func recoveryOf(c *scenario.Cell) string {
	if c.Down {
		return "down"
	}
	return time.Duration(c.Recovery).Round(100 * time.Millisecond).String()
}

const axesHint = "write load=50..99%,dip=0..5s"

// maxCells bounds each side of a map.
const maxCells = 100

func parseAxes(f *mapFlags) (*mapAxes, error) {
	var rows, columns int
	if n, err := fmt.Sscanf(f.cells, "%dx%d", &rows, &columns); err != nil || n != 2 || min(rows, columns) < 2 || max(rows, columns) > maxCells {
		return nil, fmt.Errorf("--map-cells %q: write loads x dips, each from 2 to %d, such as 8x6", f.cells, maxCells)
	}
	load, dip, ok := strings.Cut(f.axes, ",")
	load, isLoad := strings.CutPrefix(load, "load=")
	dip, isDip := strings.CutPrefix(dip, "dip=")
	if !ok || !isLoad || !isDip {
		return nil, fmt.Errorf("--map %q: %s", f.axes, axesHint)
	}
	a := &mapAxes{}
	var from, to scenario.Share
	if err := parseRange(load, &from, &to); err != nil {
		return nil, fmt.Errorf("--map load: %w", err)
	}
	var least, most scenario.Span
	if err := parseRange(dip, &least, &most); err != nil {
		return nil, fmt.Errorf("--map dip: %w", err)
	}
	if from == 0 || from >= to || least >= most {
		return nil, fmt.Errorf("--map %q: each range must grow, and the load be above 0; %s", f.axes, axesHint)
	}
	for i := range rows {
		load := from + scenario.Share(uint64(to-from)*uint64(i)/uint64(rows-1))
		a.loads = append(a.loads, (load+500)/1000*1000) // to a tenth of a percent, so that it is read at a glance
	}
	for i := range columns {
		dip := time.Duration(least + (most-least)*scenario.Span(i)/scenario.Span(columns-1))
		a.dips = append(a.dips, scenario.Span(dip.Round(10*time.Millisecond)))
	}
	return a, nil
}

// parseRange reads from..to; a first figure without a unit has that of the second.
func parseRange(text string, from, to interface{ UnmarshalText([]byte) error }) error {
	first, last, ok := strings.Cut(text, "..")
	if !ok {
		return fmt.Errorf("%q is not a range: %s", text, axesHint)
	}
	unit := strings.TrimLeft(last, "0123456789.")
	if first == strings.TrimRight(first, "%abcdefghijklmnopqrstuvwxyz") {
		first += unit
	}
	return errors.Join(from.UnmarshalText([]byte(first)), to.UnmarshalText([]byte(last)))
}
