//go:build !linux

package lacking

import "errors"

// From refuses: there is nothing to take away.
func From(string) error { return errors.New("there are no layers here") }
