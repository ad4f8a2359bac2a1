package recordings

// SetPartSize changes how many bytes of blocks replay together, for tests whose recordings are small.
func SetPartSize(bytes int64) (restore func()) {
	before := partSize
	partSize = bytes
	return func() { partSize = before }
}
