package tweet_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

func ExampleParser() {
	p := tweet.NewParser(false)
	for _, record := range []string{
		`{"id":1212092628029698048,"text":"hello","lang":"en","user":{"id":7,"screen_name":"someone"}}`,
		`{"id":1212092628029698048,"text":"cut off`,
		`{"delete":{"status":{"id":1}}}`,
	} {
		var t tweet.Tweet
		if err := p.Parse([]byte(record), &t); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%d %s %s of user %d\n", t.ID, t.Lang, t.Text, t.UserID)
	}
	// Output:
	// 1212092628029698048 en hello of user 7
	// record is not valid JSON
	// record is not a Tweet
}
