package queue

// longest is a heap of callers, those with most calls that wait first; for container/heap.
type longest []*callers

// Len implements heap.Interface.
func (l longest) Len() int { return len(l) }

// Less implements heap.Interface.
func (l longest) Less(i, j int) bool { return l[i].line.Len() > l[j].line.Len() }

// Swap implements heap.Interface.
func (l longest) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i, j
}

// Push implements heap.Interface.
func (l *longest) Push(x any) {
	of := x.(*callers) //nolint:forcetypeassert // Queue puts nothing else in
	of.index = len(*l)
	*l = append(*l, of)
}

// Pop implements heap.Interface.
func (l *longest) Pop() any {
	last := len(*l) - 1
	of := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return of
}
