package configfile

// At makes a problem of a setting's place, for those who find one that the file
// alone does not show, such as what another file holds. path is as Where takes it.
func (f *File) At(path, what, hint string) *Problem {
	p, _ := f.place(path)
	return p.problem(what, hint)
}
