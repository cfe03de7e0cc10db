package snowflake_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

func ExampleID() {
	id := snowflake.ID(1212092628029698048)
	ns, collided := id.Nano()
	fmt.Println(id.Time().UTC(), ns, collided)
	fmt.Println(snowflake.FromNano(ns) == id, snowflake.First(id.Milli()) <= id)
	// Output:
	// 2019-12-31 19:26:16.771 +0000 UTC 1577820376771319152 false
	// true true
}
