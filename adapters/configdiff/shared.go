package configdiff

import (
	"fmt"
	"strings"
)

// manyPlacements is from how many placements on a setting that changes alike, in
// one line of the files, is told once: defaults and profiles reach many.
const manyPlacements = 3

// sharedSetting is one value that changes alike in several placements.
type sharedSetting struct {
	setting    Setting
	placements []string
}

// identity is what makes two settings one change.
func (s *Setting) identity() string {
	return fmt.Sprintf("%s\n%s\n%s\n%s", s.Path, s.Old, s.New, places(s.OldAt, s.NewAt))
}

// shared lists what changes alike in many placements, in the order found, and
// says of a setting whether it is among it.
func (r *Report) shared() (list []*sharedSetting, has func(s *Setting) bool) {
	byID := map[string]*sharedSetting{}
	var order []*sharedSetting
	for i := range r.Placements {
		if r.Placements[i].What != Changed {
			continue
		}
		for _, s := range r.Placements[i].Settings {
			id := s.identity()
			if byID[id] == nil {
				byID[id] = &sharedSetting{setting: s}
				order = append(order, byID[id])
			}
			byID[id].placements = append(byID[id].placements, r.Placements[i].Name)
		}
	}
	for _, s := range order {
		if len(s.placements) >= manyPlacements {
			list = append(list, s)
		}
	}
	return list, func(s *Setting) bool { return len(byID[s.identity()].placements) >= manyPlacements }
}

// names lists some of many.
func names(list []string) string {
	const most = 8
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// own is the settings of a placement that are not told once for many.
func (p *PlacementChange) own(has func(s *Setting) bool) (out []Setting) {
	for i := range p.Settings {
		if !has(&p.Settings[i]) {
			out = append(out, p.Settings[i])
		}
	}
	return out
}
