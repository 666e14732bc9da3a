/**
 * A sum of numbers as they are written, in decimals: three times 0.1 is 0.3, and not 0.30000000000000004. Nothing is
 * rounded before the end, whatever the numbers' sizes.
 */
export class DecimalSum {
  // The sum is as many units of 10 to the power of the exponent.
  #units = 0n;
  #exponent = 0;

  /** Adds a finite number, as the shortest text that JSON has for it. */
  add(value: number): void {
    const [digits = "", power] = value.toExponential().split("e");
    const [whole = "", fraction = ""] = digits.split(".");
    const exponent = Number(power) - fraction.length;
    if (exponent < this.#exponent) {
      this.#units *= 10n ** BigInt(this.#exponent - exponent);
      this.#exponent = exponent;
    }
    this.#units += BigInt(whole + fraction) * 10n ** BigInt(exponent - this.#exponent);
  }

  /** The number nearest to the sum. */
  get value(): number {
    return Number(`${this.#units}e${this.#exponent}`);
  }
}
