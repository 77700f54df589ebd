import { applyDecorators, type INestApplication } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  DocumentBuilder,
  SwaggerModule,
} from '@nestjs/swagger';
import { z } from 'zod';

type Schema = NonNullable<Extract<Parameters<typeof ApiBody>[0], { schema: unknown }>['schema']>;

interface RouteDescription {
  readonly summary: string;
  readonly body?: z.ZodType;
  /** Schema of the whole query; each member becomes a parameter. */
  readonly query?: z.ZodObject;
  /** Body that is not JSON. */
  readonly text?: string;
  readonly status?: number;
  readonly answer?: z.ZodType;
}

/** The JSON Schema of what a caller may send (before transforms). */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'openapi-3.0' });
  return rest as Schema;
}

/** Documents a route from the same zod schemas that parse it. */
export function ApiRoute(route: RouteDescription): MethodDecorator {
  const decorators: MethodDecorator[] = [
    ApiOperation({ summary: route.summary }),
    ApiBearerAuth(),
    ApiResponse({
      status: route.status ?? 200,
      description: 'done',
      ...(route.answer ? { schema: jsonSchema(route.answer, 'output') } : {}),
    }),
    ApiResponse({ status: 'default', description: 'problem+json (RFC 9457)' }),
  ];
  if (route.body) {
    const required = !route.body.safeParse(undefined).success;
    decorators.push(ApiBody({ schema: jsonSchema(route.body), required }));
  }
  if (route.text) decorators.push(ApiConsumes(route.text), ApiBody({ schema: { type: 'string' } }));
  const properties = route.query
    ? ((jsonSchema(route.query) as { properties?: Record<string, Schema> }).properties ?? {})
    : {};
  for (const [name, schema] of Object.entries(properties)) {
    decorators.push(
      ApiQuery({ name, required: route.query?.shape[name]?.safeParse(undefined).success === false, schema }),
    );
  }
  return applyDecorators(...decorators);
}

/** The description of the interface is public: it says nothing about this installation. */
export function serveOpenApi(app: INestApplication): void {
  const description = new DocumentBuilder().setTitle('Cordon controller').setVersion('1').addBearerAuth().build();
  const document = SwaggerModule.createDocument(app, description);
  SwaggerModule.setup('api/docs', app, document, { jsonDocumentUrl: 'api/v1/openapi.json' });
}
