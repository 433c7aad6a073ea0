package store

import (
	"errors"
	"strings"
	"time"
)

// Forget takes a name off the keys that are good no more; what is left tells that there
// was a key, and when. live are the ids of those of the name that still let somebody
// in: they keep it.
func (k *Keys) Forget(name string) (forgotten int, live []string, err error) {
	now := time.Now()
	err = k.change(func(f *keysFile) error {
		for i := range f.Keys {
			r := &f.Keys[i]
			switch {
			case r.Name != name:
			case r.live(now):
				live = append(live, r.ID)
			default:
				r.Name = erasedName + " " + strings.TrimPrefix(r.ID, idPrefix)
				forgotten++
			}
		}
		if forgotten == 0 {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return forgotten, live, err
}

// errNothing leaves the file as it is.
var errNothing = errors.New("there is nothing to change")
