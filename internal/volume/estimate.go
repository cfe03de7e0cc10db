package volume

// Estimate is how many Tweets no live connection delivered, by capture-recapture. It assumes that connections lose
// independently of each other: what they lose together it does not see, and so is too low.
type Estimate struct {
	Missed    float64 // Tweets
	Error     float64 // standard error of Missed
	Low, High float64 // interval of 95 %, whole numbers
	Known     bool    // false: connections overlap too little, or there are not two of them
}
