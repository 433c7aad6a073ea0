package app

const (
	mostConnections  = 4096 // as listen.Limits has it
	leastConnections = 16
	ownDescriptors   = 64 // for the record, the stores, the admin listener, and what is made anew
)

// connections is how many connections of clients there may be, with so many descriptors: each has
// one, and a call that it brings another towards its upstream. Those of the gateway's own files stay
// free, so that the record can go on.
func connections(descriptors int) int {
	if descriptors == 0 {
		return mostConnections
	}
	return min(max((descriptors-ownDescriptors)/2, leastConnections), mostConnections)
}
