//go:build !unix

package anchor

import "os"

const (
	noFollow    = 0
	nonBlocking = 0
)

func exclusive(*os.File) error { return nil }
