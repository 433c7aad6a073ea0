package delivery

import "doorward/internal/monitor"

// Alerts are those that wait for a receiver, the oldest first.
func (d *Deliverer) Alerts() []monitor.Alert {
	d.load()
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]monitor.Alert, 0, len(d.letters))
	for _, l := range d.letters {
		all = append(all, l.Alert)
	}
	return all
}

// Forget takes out of alerts that wait who they are about, on disk too, where of says
// so; they are delivered without that. n is of how many.
func (d *Deliverer) Forget(of func(*monitor.Alert) bool) (n int, err error) {
	d.load()
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
	return n, d.flush()
}
