package delivery

import (
	"errors"

	"doorward/internal/monitor"
)

// Alerts are those that wait for a receiver, the oldest first. A spool that cannot be read
// is an error: there may be more.
func (d *Deliverer) Alerts() ([]monitor.Alert, error) {
	if err := d.load(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]monitor.Alert, 0, len(d.letters))
	for _, l := range d.letters {
		all = append(all, l.Alert)
	}
	return all, nil
}

// Forget takes out of alerts that wait who they are about, on disk too, where of says
// so; they are delivered without that. n is of how many. A spool that cannot be read is
// an error, after what is known is done.
func (d *Deliverer) Forget(of func(*monitor.Alert) bool) (n int, err error) {
	unread := d.load()
	d.mu.Lock()
	for _, l := range d.letters {
		if of(&l.Alert) {
			n++
			l.Alert.Subject = monitor.Subject{Kind: l.Alert.Subject.Kind}
			l.Alert.Address, l.Alert.Credential = "", ""
			d.mark(l.Alert.ID)
		}
	}
	d.mu.Unlock()
	return n, errors.Join(unread, d.flush())
}
