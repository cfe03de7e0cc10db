package point

// Tag is one tag of a Point. Tags are written in the order given.
type Tag struct{ Key, Value string }

// Field is one field of a Point. Value is an int64, float64, bool or string.
type Field struct {
	Key   string
	Value any
}

// Point is one counter metric (decahose_volume, decahose_connection, …).
type Point struct {
	Name   string
	Tags   []Tag
	Fields []Field
	Time   int64 // Unix ns
}
