import {
  type DocumentedOperation,
  fieldsOf,
  limitsOf,
  referenceName,
  type Schema,
  typeOf,
} from './docs-model.ts';

/** The parameters of an operation, as a table; nothing if it has none. */
export function Parameters({ operation }: Pick<DocumentedOperation, 'operation'>) {
  const parameters = (operation.parameters ?? []).filter((parameter) => 'name' in parameter);
  if (parameters.length === 0) return null;
  return (
    <>
      <h4>Parameters</h4>
      <table>
        <thead>
          <tr>
            <th>Name</th>
            <th>In</th>
            <th>Type</th>
            <th>Meaning</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map(({ name, in: place, required, schema, description }) => (
            <tr>
              <td>
                <Name name={name} isRequired={required === true} />
              </td>
              <td>{place}</td>
              <td>{schema ? <Type schema={schema} /> : null}</td>
              <td>
                {schema ? <Meaning schema={schema} description={description} /> : description}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** A body or an answer: the name of its schema, or its fields if it has none. */
export function Part({ title, schema }: { title: string; schema: Schema }) {
  return (
    <>
      <h4>
        {title}: <Type schema={schema} />
      </h4>
      {referenceName(schema) === undefined ? <SchemaTable schema={schema} /> : null}
    </>
  );
}

/** The fields of a schema, nested ones by their dotted path. */
export function SchemaTable({ schema }: { schema: Schema }) {
  const fields = fieldsOf(schema);
  if (fields.length === 0) {
    return (
      <p>
        <Type schema={schema} />
      </p>
    );
  }
  return (
    <table>
      <thead>
        <tr>
          <th>Field</th>
          <th>Type</th>
          <th>Meaning</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <tr>
            <td>
              <Name name={field.name} isRequired={field.isRequired} />
            </td>
            <td>
              <Type schema={field.schema} />
            </td>
            <td>
              <Meaning schema={field.schema} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Name({ name, isRequired }: { name: string; isRequired: boolean }) {
  return (
    <>
      <code>{name}</code>
      {isRequired ? <span class="required"> required</span> : null}
    </>
  );
}

function Type({ schema }: { schema: Schema }) {
  const item = '$ref' in schema ? undefined : schema.items;
  const name = referenceName(schema) ?? (item && referenceName(item));
  const text = typeOf(schema);
  return name === undefined ? <span>{text}</span> : <a href={`#schema-${name}`}>{text}</a>;
}

function Meaning({ schema, description }: { schema: Schema; description?: string | undefined }) {
  const example = '$ref' in schema ? undefined : schema.example;
  return (
    <>
      {description ?? schema.description}{' '}
      {limitsOf(schema).map((limit) => (
        <code class="limit">{limit}</code>
      ))}
      {example === undefined ? null : <span class="example"> e.g. {String(example)}</span>}
    </>
  );
}
