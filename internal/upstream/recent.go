package upstream

import "time"

// recentSpan is the span that a recent looks back over, in seconds, which is long
// enough to see a share of a few calls a second and short enough to forget in time.
const recentSpan = 10

// recent counts, over the last recentSpan seconds, what was done and how much of it was
// of the kind that is bounded by a share. The zero value has counted nothing. Its
// owner's lock guards it.
type recent struct {
	began  time.Time // of a clock that is never set
	second [recentSpan]int64
	all    [recentSpan]int
	some   [recentSpan]int
}

// at is the place of the second that it is, cleared of what it held before.
func (t *recent) at() int {
	now := time.Now()
	if t.began.IsZero() {
		t.began = now
	}
	second := int64(now.Sub(t.began)/time.Second) + 1 // 0 is a place that nothing was counted in
	i := int(second % recentSpan)
	if t.second[i] != second {
		t.second[i], t.all[i], t.some[i] = second, 0, 0
	}
	return i
}

// sums are the counts of the span that ends now.
func (t *recent) sums() (all, some int) {
	newest := t.second[t.at()]
	for i, second := range t.second {
		if second > 0 && newest-second < recentSpan {
			all, some = all+t.all[i], some+t.some[i]
		}
	}
	return all, some
}
