// A choice of one of a few: radio buttons that look like one control.

interface Props<T extends string> {
	/** Also the name of the radio buttons. */
	legend: string;
	/** The values with their texts. */
	options: [T, string][];
	value: T;
	choose: (value: T) => void;
	testid?: string;
}

export const Choice = <T extends string>({ legend, options, value, choose, testid }: Props<T>) => (
	<fieldset class="choice" data-testid={testid}>
		<legend class="visually-hidden">{legend}</legend>
		{options.map(([option, text]) => (
			<label key={option}>
				<input type="radio" name={legend} checked={option === value} onChange={() => choose(option)} />
				<span>{text}</span>
			</label>
		))}
	</fieldset>
);
