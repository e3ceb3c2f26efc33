// Buttons and choices.

import type { ComponentChildren, ComponentProps } from "preact";

type ButtonProps = ComponentProps<"button"> & { text: ComponentChildren; testid?: string };

export const Button = ({ text, testid, ...rest }: ButtonProps) => (
	<button type="button" class="quiet" data-testid={testid} {...rest}>
		{text}
	</button>
);

/** Gives an element the focus as soon as it is there. */
export const focus = (element: HTMLElement | null): void => element?.focus();

interface ChoiceProps<T extends string> {
	/** Also the name of the radio buttons. */
	legend: string;
	/** The values with their texts. */
	options: [T, string][];
	value: T;
	choose: (value: T) => void;
	testid?: string;
}

/** A choice of one of a few: radio buttons that look like one control. */
export const Choice = <T extends string>({ legend, options, value, choose, testid }: ChoiceProps<T>) => (
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
