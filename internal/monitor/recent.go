package monitor

import "container/list"

// recent is a map that holds at most so many; the one that was asked for longest ago
// leaves first.
type recent[K comparable, V any] struct {
	most  int
	order *list.List // of *held[K, V], latest first
	by    map[K]*list.Element
}

type held[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, order: list.New(), by: map[K]*list.Element{}}
}

// get finds what a key has, and makes it the latest.
func (r *recent[K, V]) get(key K) (value V, ok bool) {
	el, ok := r.by[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(el)
	return el.Value.(*held[K, V]).value, true //nolint:forcetypeassert // the list holds nothing else
}

// put adds a key that is not there. It returns what had to leave.
func (r *recent[K, V]) put(key K, value V) (gone held[K, V], full bool) {
	if r.order.Len() >= r.most {
		last := r.order.Back()
		gone, full = *last.Value.(*held[K, V]), true //nolint:forcetypeassert // the list holds nothing else
		r.order.Remove(last)
		delete(r.by, gone.key)
	}
	r.by[key] = r.order.PushFront(&held[K, V]{key, value})
	return gone, full
}

// remove takes out what a key has, and tells whether there was something.
func (r *recent[K, V]) remove(key K) bool {
	el, ok := r.by[key]
	if ok {
		r.order.Remove(el)
		delete(r.by, key)
	}
	return ok
}

// all visits every one, the latest first.
func (r *recent[K, V]) all(visit func(K, V)) {
	for el := r.order.Front(); el != nil; el = el.Next() {
		h := el.Value.(*held[K, V]) //nolint:forcetypeassert // the list holds nothing else
		visit(h.key, h.value)
	}
}

func (r *recent[K, V]) size() int { return r.order.Len() }
