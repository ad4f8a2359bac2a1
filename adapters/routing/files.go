package routing

import "os"

// CheckKeys reads a JWKS file as a router does. An error is fs.ErrNotExist where it is not there.
func CheckKeys(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		_, err = readKeySet(data)
	}
	return err
}
